"""How much may go wrong before a run stops. How much it may change is in `caps`. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bulkprof.errors import AwsError, SafetyError, UsageError
from bulkprof.model import Target

FEW = 3
"""Accounts that may fail alike whatever share of a run they are."""


def check_complete(invalid: int) -> None:
    """Raise `SafetyError` when rows are invalid: what they want is unknown, and would look unwanted."""
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


def check_alike(errors: Mapping[Target, AwsError], targets: Iterable[Target]) -> None:
    """Raise `SafetyError` when most of a run's accounts fail alike: that is one mistake, made before the run.

    An account counts when all of its `targets` failed for one reason; a Region that is closed is another matter. A
    share that is tolerated explicitly stands instead of this.
    """
    accounts: dict[str, set[tuple[str, str]]] = {}
    for target in targets:
        error = errors.get(target)
        accounts.setdefault(target.account, set()).add((error.operation, error.code) if error else ("", ""))
    causes = Counter(next(iter(found)) for found in accounts.values() if len(found) == 1)
    del causes["", ""]
    ((operation, code), failed), *_ = causes.most_common(1) or [(("", ""), 0)]
    if failed >= FEW and 2 * failed > len(accounts):
        raise SafetyError(
            f"{failed} of {len(accounts)} accounts can't be worked in for one reason "
            f"({': '.join(filter(None, [operation, code]))}); nothing was changed. Mend it, or go on with the other "
            "accounts: --failure-tolerance 100%"
        )
