"""One application inference profile, as the sandbox stores it and as Bedrock returns it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bulkprof.sandbox.state.catalogue import partition_of


def timestamp(seconds: float) -> str:
    """Return ISO 8601 as Bedrock writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(slots=True, eq=False)
class Profile:
    """One application inference profile, alive or deleted."""

    account: str
    region: str
    serial: int
    """The profile's number in its account and Region; listings are in this order."""
    id: str
    name: str
    description: str | None
    source: str
    models: tuple[str, ...]
    token: str | None
    created_at: float
    updated_at: float
    deleted_at: float | None = None
    tag_history: list[tuple[float, dict[str, str]]] = field(default_factory=list)
    """Every set of tags it had and since when, so that a read that lags returns an older one."""

    @property
    def arn(self) -> str:
        """The profile's ARN."""
        partition = partition_of(self.region)
        return f"arn:{partition}:bedrock:{self.region}:{self.account}:application-inference-profile/{self.id}"

    @property
    def tags(self) -> dict[str, str]:
        """Its tags now."""
        return self.tag_history[-1][1] if self.tag_history else {}

    def tags_at(self, moment: float) -> dict[str, str] | None:
        """Return its tags at a moment; None if it had never been tagged by then."""
        for since, tags in reversed(self.tag_history):
            if since <= moment:
                return tags
        return None

    def summary(self) -> dict[str, Any]:
        """Return its InferenceProfileSummary, which is also the response of GetInferenceProfile."""
        found: dict[str, Any] = {
            "inferenceProfileName": self.name,
            "createdAt": timestamp(self.created_at),
            "updatedAt": timestamp(self.updated_at),
            "inferenceProfileArn": self.arn,
            "models": [{"modelArn": arn} for arn in self.models],
            "inferenceProfileId": self.id,
            "status": "ACTIVE",
            "type": "APPLICATION",
        }
        if self.description is not None:
            found["description"] = self.description
        return found
