"""The `--failed` file: the rows that didn't end in order, in manifest form again, to mend and apply."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from bulkprof.manifests.writer import write_manifest
from bulkprof.model import NEED_ATTENTION
from bulkprof.store.run import DesiredRow, RunFile


def write_failed(path: Path, run: RunFile, own_tags: Collection[str], *, safe: bool = False) -> int:
    """Write the desired profiles that failed, are unknown or were skipped. Return how many. Blocks.

    Names and tags are what the rules made of the row, so that the file stands for itself. bulkprof's own tags
    are left out: `apply` sets them. `safe` is for spreadsheets: see `write_manifest`.
    """
    write_manifest(path, lambda: (_cells(row, own_tags) for row in run.desired(NEED_ATTENTION)), safe=safe)
    return sum(1 for _ in run.desired(NEED_ATTENTION))


def _cells(row: DesiredRow, own_tags: Collection[str]) -> dict[str, str]:
    cells = {
        "name": row.name,
        "model": row.model,
        "description": row.description or "",
        "account": row.target.account,
        "region": row.target.region,
    }
    if own_tags and row.tags.keys().isdisjoint(own_tags):
        # All others have the ownership tag.
        cells["disown"] = "true"
    cells |= {column: value for column, value in row.attributes.items() if column not in cells}
    return cells | {f"tag:{key}": value for key, value in row.tags.items() if key not in own_tags}
