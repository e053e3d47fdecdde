"""The settings of a sandbox: its limits, and hypotheses about AWS's undocumented behaviour."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from bulkprof.sandbox.faults import Fault
from bulkprof.sandbox.usage import UsageRow

DEFAULT_ACCOUNT = "123456789012"
"""The account of keys that belong to no assumed role; moto uses the same one."""


class SandboxMissingError(RuntimeError):
    """The sandbox was started, but moto, which it needs, is not installed."""

    def __init__(self) -> None:
        super().__init__("the sandbox needs moto, which is not installed: pip install 'bulkprof[sandbox]'")


@dataclasses.dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: `per_second` calls for ever, `burst` calls at once after a rest."""

    per_second: float
    burst: float

    def __post_init__(self) -> None:
        if not (0 <= self.per_second < math.inf and 0 <= self.burst < math.inf):
            raise ValueError(f"a rate can't be negative or without end: {self}")


@dataclasses.dataclass(frozen=True, slots=True)
class Hypotheses:
    """One switch for each behaviour of AWS that isn't documented. Times are seconds."""

    unique_names: bool = True
    """Two live profiles of one name in one account and Region: ConflictException, or allowed."""
    token_memory_s: float | None = None
    """How long an idempotency token is remembered; None is for ever, 0 not at all."""
    token_mismatch: Literal["ignore", "refuse"] = "ignore"  # noqa: S105 - no password
    """A remembered token with other parameters: returns the first ARN, or ConflictException."""
    token_survives_delete: bool = True
    """After a delete, the token still returns the old ARN; False: it makes a new profile."""
    list_lag_s: float = 0.0
    """How late creations and deletions show in ListInferenceProfiles."""
    get_lag_s: float = 0.0
    """How long a new profile is not found by Get, Delete and the tag operations."""
    tag_lag_s: float = 0.0
    """How late tags, new profiles and deletions show in the tagging API's GetResources."""
    short_tag_pages: float = 0.25
    """Share (0 to 1) of GetResources' pages that end early though more remain, as AWS says they may."""
    list_tags_immediate: bool = True
    """ListTagsForResource shows a change at once; False: it lags by tag_lag_s too."""
    billing_lag_s: float = 0.0
    """How late Cost Explorer sees new tag keys of profiles; in AWS, up to a day."""
    metrics_by: Literal["id", "arn"] = "id"
    """What CloudWatch calls an application profile in the dimension ModelId: its short id, or its ARN."""
    throttled_calls_cost: bool = False
    """A throttled call uses up allowance too, so that hammering keeps the bucket empty."""
    transient_conflicts: float = 0.0
    """Share (0 to 1) of names whose first create meets a ConflictException though the name is free."""

    def __post_init__(self) -> None:
        if self.token_mismatch not in ("ignore", "refuse"):
            raise ValueError(f"token_mismatch is 'ignore' or 'refuse', not {self.token_mismatch!r}")
        if self.metrics_by not in ("id", "arn"):
            raise ValueError(f"metrics_by is 'id' or 'arn', not {self.metrics_by!r}")
        for name in ("short_tag_pages", "transient_conflicts"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share from 0 to 1, not {getattr(self, name)}")

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, base: Hypotheses | None = None) -> Hypotheses:
        """Read an object of switches; those it doesn't name stay as in `base`. ValueError on an unknown one."""
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(data) - known)
        if unknown:
            raise ValueError(f"unknown hypothesis {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        return dataclasses.replace(base or cls(), **data)


@dataclasses.dataclass(frozen=True, slots=True)
class SandboxSettings:
    """How a sandbox is set up. Everything that tests change while it runs has a setter on `Sandbox`."""

    port: int = 0
    """TCP port on 127.0.0.1; 0 takes a free one."""
    state_file: Path | None = None
    """Journal that profiles, tags and tokens are kept in; None keeps them in memory only."""
    seed: int = 0
    """Ids, shares of faults, transient conflicts and short pages are drawn from it."""
    hypotheses: Hypotheses = Hypotheses()
    rate: Rate = Rate(50, 50)
    """Per account, Region and operation, for Bedrock and the tagging API."""
    retry_after_s: float | None = None
    """When set, a throttled response has it as Retry-After."""
    quota: int = 1000
    """Application inference profiles per account and Region (L-40EC9882)."""
    account_quotas: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """Quotas of single accounts, by account id."""
    denied_accounts: frozenset[str] = frozenset()
    """Accounts into which AssumeRole is denied."""
    denied_actions: frozenset[str] = frozenset()
    """IAM actions that are denied, such as `tag:GetResources`; `*` is a wildcard."""
    session_lifetime_s: float | None = None
    """Assumed-role sessions older than this get ExpiredTokenException."""
    announce_lifetime: bool = False
    """AssumeRole's Expiration follows `session_lifetime_s`; False: the duration that the caller asked for."""
    latency_s: float = 0.0
    """Seconds before each response of Bedrock and the tagging API."""
    faults: tuple[Fault, ...] = ()
    """What goes wrong from the start."""
    usage: Literal["demo"] | tuple[UsageRow, ...] = ()
    """What CloudWatch tells of the use of profiles and models: figures for all profiles there are, or these."""
    buckets: frozenset[str] = frozenset()
    """S3 buckets that exist from the start, in the default account."""
    payer_account: str = ""
    """Whose bill it is; empty for the organization's management account, or the default account without one."""
    default_account: str = DEFAULT_ACCOUNT
    clock: Callable[[], float] = time.time
    """Wall-clock seconds; a test passes its own to move time by hand."""

    def __post_init__(self) -> None:
        if not 0 <= self.latency_s < math.inf:
            raise ValueError(f"a latency is 0 or more, not {self.latency_s:g}")
        if self.quota < 0:
            raise ValueError(f"a quota is 0 or more profiles, not {self.quota}")
