"""The map of a run: accounts by Regions, each cell with its worst outcome, or else its most frequent change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from bulkprof.model import CHANGED, OutcomeKind, Target
from bulkprof.reports.text import counted

MOST_ACCOUNTS = 200
MOST_REGIONS = 30
"""What is shown of larger estates: those that need attention come first, and the rest is only counted."""
WORST_FIRST = (OutcomeKind.FAILED, OutcomeKind.UNKNOWN, OutcomeKind.SKIPPED, *CHANGED, OutcomeKind.UNCHANGED)
Counts = Mapping[OutcomeKind, int]


@dataclass(frozen=True, slots=True)
class Cell:
    """A target."""

    kind: OutcomeKind
    """The worst outcome that there is; where all is in order, the most frequent change."""
    counted: str
    """How many of its profiles ended so, of how many."""
    told: str
    """All its outcomes, in words."""


@dataclass(frozen=True, slots=True)
class MapRow:
    """An account, with a cell for each Region that is shown; None where it has no profile there."""

    account: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True)
class TargetMap:
    """Accounts by Regions."""

    number: int
    """How many targets the run has in all."""
    regions: tuple[str, ...]
    rows: tuple[MapRow, ...]
    kinds: tuple[OutcomeKind, ...]
    """The outcomes that cells show."""
    left_out: str
    """What is not shown, in words; empty where all is."""


def map_of(counts: Mapping[Target, Counts]) -> TargetMap:
    """Return the map of these outcomes."""
    accounts: Counter[str] = Counter()
    regions: Counter[str] = Counter()
    for target, of_target in counts.items():
        bad = sum(count for kind, count in of_target.items() if kind.needs_attention)
        accounts[target.account] += bad
        regions[target.region] += bad
    shown_accounts = _first(accounts, MOST_ACCOUNTS)
    # In the order of their names, whatever happened there.
    shown_regions = sorted(_first(regions, MOST_REGIONS))
    rows = tuple(
        MapRow(account, tuple(_cell(counts.get(Target(account, region))) for region in shown_regions))
        for account in shown_accounts
    )
    kinds = {cell.kind for row in rows for cell in row.cells if cell}
    return TargetMap(
        number=len(counts),
        regions=tuple(shown_regions),
        rows=rows,
        kinds=tuple(kind for kind in WORST_FIRST if kind in kinds),
        left_out="; ".join(
            filter(None, (_left_out(accounts, shown_accounts, "account"), _left_out(regions, shown_regions, "Region")))
        ),
    )


def _first(found: Mapping[str, int], most: int) -> list[str]:
    """Return the names that need attention most, then the others in order."""
    return sorted(found, key=lambda name: (-found[name], name))[:most]


def _left_out(found: Mapping[str, int], shown: list[str], word: str) -> str:
    rest = set(found).difference(shown)
    if not rest:
        return ""
    bad = sum(found[name] for name in rest)
    how = f"with {counted(bad, 'profile')} to look at" if bad else "with all in order"
    return f"not shown: {counted(len(rest), f'more {word}')}, {how}"


def _cell(counts: Counts | None) -> Cell | None:
    if not counts:
        return None
    found = [kind for kind in WORST_FIRST if counts.get(kind)]
    kind = max(found, key=lambda each: (each.needs_attention, each.is_change, counts[each]))
    if kind.needs_attention:
        kind = found[0]
    total = sum(counts.values())
    told = ", ".join(f"{counts[kind]:,} {kind}" for kind in found)
    number = counts[kind]
    return Cell(kind, f"{number:,}" if number == total else f"{number:,}/{total:,}", told)
