"""How much may go wrong or go away before a run stops: caps on deletions, tolerance of failures. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bulkprof.config import Prune
from bulkprof.errors import AwsError, SafetyError, UsageError
from bulkprof.model import Target
from bulkprof.text.printable import printable_lines

FEW = 3
"""Accounts that may fail alike whatever share of a run they are."""
SHOWN = 20
"""Accounts that a refused prune lists before it only counts."""


def allowed_deletions(owned: int, percent: float, count: int) -> int:
    """How many of `owned` profiles one run may delete: the larger of a share and a count."""
    return max(count, int(owned * percent / 100))


def check_prune(estate: str, deletions: Mapping[str, int], owned: Mapping[str, int], caps: Prune) -> None:
    """Raise `SafetyError` when a plan deletes more of the estate, or of it in one account, than the caps allow.

    `deletions` and `owned` count profiles by account.
    """
    planned, there = sum(deletions.values()), sum(owned.values())
    allowed = allowed_deletions(there, caps.percent, caps.count)
    over = {
        account: most
        for account, count in deletions.items()
        if count > (most := allowed_deletions(owned.get(account, 0), caps.account_percent, caps.account_count))
    }
    if planned > allowed:
        what = f"{planned} of {there} profiles, and at most {allowed} may go in one run"
        shares, keys = f"{caps.percent:g} % and {caps.count}", "percent or count"
        named = [account for account, count in deletions.items() if count]
    elif over:
        what = f"{planned} of {there} profiles, too many of them in {len(over)} account{'s' if len(over) > 1 else ''}"
        shares = f"{caps.account_percent:g} % and {caps.account_count} of each account may go in one run"
        keys = "account_percent or account_count"
        named = list(over)
    else:
        return
    said = (
        f"estate {estate!r}: the plan deletes {what} (the larger of {shares}). Nothing was changed. Is a manifest "
        f"cut short? If this is meant, raise [prune] {keys} in bulkprof.toml"
    )
    raise SafetyError(printable_lines([said, *_by_account(named, deletions, owned, over)]))


def _by_account(
    accounts: Iterable[str], deletions: Mapping[str, int], owned: Mapping[str, int], over: Mapping[str, int]
) -> list[str]:
    """A line for each account, those that lose most first."""
    ranked = sorted(accounts, key=lambda account: (-deletions[account], account))
    lines = [
        f"  {account}: {deletions[account]} of {owned.get(account, 0)}"
        + (f", at most {over[account]}" if account in over else "")
        for account in ranked[:SHOWN]
    ]
    if len(ranked) > SHOWN:
        lines.append(f"  and {len(ranked) - SHOWN} more accounts")
    return lines


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
