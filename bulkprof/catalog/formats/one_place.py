"""Programs that call one account and Region with one set of credentials: which one a file is for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bulkprof.catalog.entries import CatalogEntry


def in_one_place(entries: Sequence[CatalogEntry], left_out: list[str]) -> list[CatalogEntry]:
    """Return the entries of the account and Region that has most of them; of several such, the first by name.

    Those in another account than their callers, and those of other places, are added to what is left out.
    """
    own = [entry for entry in entries if not entry.foreign]
    left_out.extend(
        f"{entry.place} {entry.name}: is in another account than its callers; [catalog] account says where they are"
        for entry in entries
        if entry.foreign
    )
    counts = Counter((entry.account, entry.region) for entry in own)
    if not counts:
        return []
    here = min(counts, key=lambda place: (-counts[place], place))
    left_out.extend(
        f"{entry.place} {entry.name}: one file holds the profiles of one account and Region, here {'/'.join(here)}; "
        "choose with --where account=… or region=…"
        for entry in own
        if (entry.account, entry.region) != here
    )
    return [entry for entry in own if (entry.account, entry.region) == here]
