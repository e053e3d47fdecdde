"""The use case `export`: what exists, as a manifest. It reads only, target by target, and holds no target's rows.

The manifest is meant to be planned with the same config: what the estate has comes out unchanged, and what no estate
owns is adopted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

import anyio
import anyio.to_thread

from bulkprof.errors import (
    AwsError,
    ExitCode,
    KeysNotAwaitedError,
    RunInterruptedError,
    unwrapped,
)
from bulkprof.manifests.writer import Spool, write_csv, write_manifest
from bulkprof.model import Target
from bulkprof.planning.export_check import ExportCheck
from bulkprof.planning.export_rows import Exporter, Row
from bulkprof.planning.observe import observe
from bulkprof.stop import Stop, StopRequestedError
from bulkprof.system.files import check_path
from bulkprof.text.printable import printable_lines
from bulkprof.ui import Ui
from bulkprof.workflows.arguments import for_programs
from bulkprof.workflows.options import Options, StrPath, path_of
from bulkprof.workflows.steps.connect import connect, wait_for_lists
from bulkprof.workflows.steps.connection import Connection
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.resolve import Walk, chosen_targets


@dataclass(slots=True)
class Export:
    """How much an export wrote, and what it left out."""

    targets: int = 0
    profiles: int = 0
    """Rows written."""
    left_out: int = 0
    """Profiles that no row could be written for."""
    foreign: int = 0
    """Profiles of other estates, which are theirs to export."""
    unreachable: dict[Target, AwsError] = field(default_factory=dict)
    """The targets that couldn't be read."""

    @property
    def exit_code(self) -> ExitCode:
        """Whether the manifest is all there is."""
        return ExitCode.ROWS_FAILED if self.left_out or self.unreachable else ExitCode.DONE


@for_programs
async def export(
    out: StrPath | IO[str],
    options: Options | None = None,
    ui: Ui | None = None,
    stop: Stop | None = None,
    *,
    estate_only: bool = False,
) -> Export:
    """Write the application inference profiles that exist as a manifest that wants just them.

    `out` is a .csv or .jsonl file, or a text stream that gets CSV; nothing is written before all is read. Accounts
    and Regions are those of the options, by default those of a row that names none: the config's, else the caller's
    account and the SDK's Region. `estate_only` takes profiles with the estate's ownership tag only. Profiles and
    targets that have to be left out are told to the `ui`, and so are rules of the config that refuse rows; when no
    target can be read, its error is raised.
    """
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    if not hasattr(out, "write"):
        out = path_of(out, "out")
        check_path("--out", out)
    found, check = Export(), ExportCheck(work.rules())
    try:
        with unwrapped(), Spool() as spool:
            async with connect(work) as connection:
                _, targets = await chosen_targets(work, connection, "export")
                found.targets = len(targets)
                await wait_for_lists(work)
                exporter = Exporter(work.settings, estate_only=estate_only)
                read = _Reader(work, connection, exporter, spool, found, check).read
                await Walk(work, connection, read, found.unreachable).over(targets)
            write = write_manifest if isinstance(out, Path) else write_csv
            safe = work.options.csv_cells == "safe"
            # Empty, but there: that all manifests lack them would be an error.
            columns = check.lacking(work.registry.fields_needed(), work.naming)
            rows = partial(spool.rows, columns)
            await anyio.to_thread.run_sync(partial(write, out, rows, safe=safe))  # type: ignore[arg-type]
        if lines := list(check.lines()):
            work.ui.warn(printable_lines(lines))
    except (StopRequestedError, KeysNotAwaitedError):
        raise RunInterruptedError("", code=work.stop.exit_code, reason=work.stop.reason) from None
    return found


@dataclass(slots=True)
class _Reader:
    """Reads a target's profiles into the spool."""

    work: Workspace
    connection: Connection
    exporter: Exporter
    spool: Spool
    found: Export
    check: ExportCheck
    disk: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(1))
    """The spool is one file: one thread at a time."""

    async def read(self, target: Target) -> None:
        """Add its rows, and tell what is left out. Raises `AwsError`."""
        async with self.connection.open(target) as opened:
            observed = await observe(opened.api, opened.lane.call)
            catalogue = self.connection.catalogue(target.region)
        export = self.exporter.export(target, observed, catalogue)
        await anyio.to_thread.run_sync(self._keep, target, export.rows, limiter=self.disk)
        self.found.profiles += len(export.rows)
        self.found.left_out += export.left_out
        self.found.foreign += export.foreign.total()
        for problem in export.problems:
            self.work.ui.problem(problem)
        self.work.ui.problems_end()
        for estate, count in sorted(export.foreign.items()):
            self.work.ui.note(f"{target}: {count} of estate {estate!r} left out; export them with its own config")

    def _keep(self, target: Target, rows: Sequence[Row]) -> None:
        self.spool.add(target, rows)
        self.check.take(rows)
