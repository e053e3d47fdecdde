"""The calls of one target, as the rest of bulkprof needs them. `aws.bedrock.BedrockApi` has them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from bulkprof.model import ObservedProfile
from bulkprof.profiles.catalogue import FoundationModel, SystemProfile


class Reads(Protocol):
    """The reading calls of one target."""

    async def list_page(self, next_token: str | None) -> tuple[list[ObservedProfile], str | None]:
        """One page of application inference profiles, tags unknown."""
        ...

    async def tagged_page(self, next_token: str | None) -> tuple[list[tuple[str, dict[str, str]]], str | None]:
        """One page of (ARN, tags) from the tagging API."""
        ...

    async def get(self, arn: str) -> ObservedProfile:
        """One profile, tags unknown."""
        ...

    async def tags_of(self, arn: str) -> dict[str, str]:
        """One profile's tags, as they are now."""
        ...


class ListsModels(Protocol):
    """What a target's Region offers to make profiles from."""

    async def foundation_models(self) -> list[FoundationModel]:
        """All models, in one answer."""
        ...

    async def system_profiles_page(self, next_token: str | None) -> tuple[list[SystemProfile], str | None]:
        """One page of the profiles that AWS defines."""
        ...


class ReadsQuota(Protocol):
    """The quota of one target."""

    async def profile_quota(self) -> int:
        """How many profiles there may be; raises `NotFoundError` while the default holds."""
        ...


class Api(Reads, ReadsQuota, Protocol):
    """All calls of one target that the engine makes."""

    async def create(
        self, *, name: str, source_arn: str, description: str | None, tags: Mapping[str, str], token: str
    ) -> str:
        """Create a profile and return its ARN."""
        ...

    async def delete(self, arn: str) -> None:
        """Delete a profile."""
        ...

    async def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Set tags."""
        ...

    async def untag(self, arn: str, keys: Sequence[str]) -> None:
        """Remove tags."""
        ...
