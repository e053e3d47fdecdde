"""Names that tell entries apart: most programs take a name once, and it may be used in many accounts and Regions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from bulkprof.catalog.entries import CatalogEntry


def unique_names(
    entries: Sequence[CatalogEntry], written: Callable[[Sequence[str]], str]
) -> list[tuple[str, CatalogEntry]]:
    """Return each entry with a name of its own, which `written` makes of one or more parts.

    A name that several entries have gets their Region after it, and their account where that isn't enough, or the id
    at last: all of them do, so that a name doesn't depend on the others' order.
    """
    found: list[tuple[str, CatalogEntry]] = []
    left = list(entries)
    for parts in (
        lambda entry: (entry.name,),
        lambda entry: (entry.name, entry.region),
        lambda entry: (entry.name, entry.account, entry.region),
        lambda entry: (entry.name, entry.account, entry.region, entry.id),
    ):
        names = [written(parts(entry)) for entry in left]
        counts = Counter(names)
        counts.update(name for name, _ in found)
        found.extend((name, entry) for name, entry in zip(names, left, strict=True) if counts[name] == 1)
        left = [entry for name, entry in zip(names, left, strict=True) if counts[name] > 1]
    return sorted(found, key=lambda pair: pair[0])
