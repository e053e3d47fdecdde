"""The record of everything that happened: every profile ever made, and every call with its result."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class LedgerProfile:
    """A profile that was made. Times are the sandbox's clock; `deleted_at` is None while it lives."""

    account: str
    region: str
    id: str
    name: str
    arn: str
    source: str
    """The copyFrom of its request, which AWS never returns."""
    token: str | None
    tags: Mapping[str, str]
    created_at: float
    deleted_at: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class CallCount:
    """How often an operation had one result: ok, throttled, an error code, or the fault that hid it."""

    account: str
    region: str
    operation: str
    result: str
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class Ledger:
    """A snapshot of the sandbox's record."""

    profiles: tuple[LedgerProfile, ...]
    calls: tuple[CallCount, ...]

    @property
    def live(self) -> tuple[LedgerProfile, ...]:
        """The profiles that exist now."""
        return tuple(profile for profile in self.profiles if profile.deleted_at is None)

    def count(
        self,
        operation: str | None = None,
        result: str | None = None,
        *,
        account: str | None = None,
        region: str | None = None,
    ) -> int:
        """Return how many calls match; None matches any."""
        return sum(
            entry.count
            for entry in self.calls
            if operation in (None, entry.operation)
            and result in (None, entry.result)
            and account in (None, entry.account)
            and region in (None, entry.region)
        )

    def duplicates(self) -> list[tuple[str, str, str]]:
        """Account, Region and name of each profile that is alive more than once."""
        seen = Counter((profile.account, profile.region, profile.name) for profile in self.live)
        return sorted(key for key, count in seen.items() if count > 1)

    def to_json(self) -> dict[str, Any]:
        """Return the object that `/_sandbox/ledger` returns."""
        return {
            "profiles": [
                {**{f: getattr(profile, f) for f in LedgerProfile.__slots__}, "tags": dict(profile.tags)}
                for profile in self.profiles
            ],
            "calls": [dataclasses.asdict(entry) for entry in self.calls],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Ledger:
        """Return the ledger that `to_json` wrote, so that a test in another process has the same helpers."""
        return cls(
            tuple(LedgerProfile(**profile) for profile in data["profiles"]),
            tuple(CallCount(**entry) for entry in data["calls"]),
        )


class CallCounter:
    """Counts calls and their results. Not thread-safe; the caller locks."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str, str]] = Counter()

    def add(self, account: str, region: str, operation: str, result: str) -> None:
        """Count one call."""
        self._counts[account, region, operation, result] += 1

    def snapshot(self) -> Iterable[CallCount]:
        """Return the counts so far, in order."""
        return (CallCount(*key, count) for key, count in sorted(self._counts.items()))
