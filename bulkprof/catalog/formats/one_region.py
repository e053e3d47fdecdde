"""Programs that call one Region: which one a file is for, and what it leaves out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bulkprof.catalog.entries import CatalogEntry


def region_of(entries: Sequence[CatalogEntry]) -> str:
    """Return the Region that most entries are in; of several, the first by name; empty without entries."""
    counts = Counter(entry.region for entry in entries)
    return min(counts, key=lambda region: (-counts[region], region), default="")


def in_region(entries: Sequence[CatalogEntry], region: str, left_out: list[str]) -> list[CatalogEntry]:
    """Return the entries of a Region; the others are added to what is left out."""
    left_out.extend(
        f"{entry.place} {entry.name}: one file holds one Region's profiles, here {region}; choose with --where region=…"
        for entry in entries
        if entry.region != region
    )
    return [entry for entry in entries if entry.region == region]
