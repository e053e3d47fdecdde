"""How much may go wrong or go away before a run stops: caps on deletions, tolerance of failures. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bulkprof.config import Prune
from bulkprof.errors import SafetyError, UsageError


def allowed_deletions(owned: int, caps: Prune) -> int:
    """How many of an estate's `owned` profiles one run may delete."""
    return max(caps.count, int(owned * caps.percent / 100))


def check_prune(estate: str, deletions: int, owned: int, caps: Prune) -> None:
    """Raise `SafetyError` when a plan deletes more of the estate than the caps allow."""
    allowed = allowed_deletions(owned, caps)
    if deletions > allowed:
        raise SafetyError(
            f"estate {estate!r}: the plan deletes {deletions} of {owned} profiles, and at most {allowed} may go in one "
            f"run (the larger of {caps.percent:g} % and {caps.count}). Nothing was changed. Is a manifest cut short? "
            "If this is meant, raise [prune] percent or count in bulkprof.toml"
        )


def check_complete(invalid: int) -> None:
    """Raise `SafetyError` when rows are invalid: what they want is unknown, and would look like nobody wants it."""
    if invalid:
        raise SafetyError(
            f"--prune with {invalid} invalid rows left out would delete what they ask for; nothing was changed. "
            "Mend the rows, or leave --prune out"
        )


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How many of a run's profiles may fail before it stops."""

    percent: float | None = None
    """Of the run's profiles, 0 to 100."""
    count: int | None = None

    @classmethod
    def parse(cls, text: str) -> Tolerance:
        """Read `5%` or `20`. Raises `UsageError`."""
        if share := re.fullmatch(r"\s*(\d{1,3}(?:\.\d+)?)\s*%\s*", text):
            percent = float(share[1])
            if percent <= 100:
                return cls(percent=percent)
        elif re.fullmatch(r"\s*\d{1,9}\s*", text):
            return cls(count=int(text))
        raise UsageError(f"--failure-tolerance {text!r}: must be a share such as 5% or a count such as 20")

    def allowed(self, total: int) -> int | None:
        """How many of `total` profiles may fail; None when there is no limit."""
        if self.percent is not None:
            return int(total * self.percent / 100)
        return self.count


def check_refused(refused: int, total: int, tolerance: Tolerance) -> None:
    """Raise `SafetyError` when more rows than tolerated are in targets that can't be entered, before any change."""
    allowed = tolerance.allowed(total)
    if allowed is not None and refused > allowed:
        raise SafetyError(
            f"{refused} of {total} profiles are in targets that can't be observed, and at most {allowed} may fail "
            "(--failure-tolerance); nothing was changed"
        )
