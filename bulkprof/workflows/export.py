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

from bulkprof.engine.concurrency import side_by_side
from bulkprof.errors import (
    AwsError,
    ExitCode,
    KeysNotAwaitedError,
    RegionError,
    RunInterruptedError,
    UsageError,
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
from bulkprof.ui import Progress, Ui
from bulkprof.workflows.options import Options
from bulkprof.workflows.steps.connect import connect, recent_runs
from bulkprof.workflows.steps.connection import Connection
from bulkprof.workflows.steps.context import Workspace


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


async def export(
    out: Path | str | IO[str],
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
    if isinstance(out, str):
        out = Path(out)
    if isinstance(out, Path):
        check_path("--out", out)
    found, check = Export(), ExportCheck(work.rules())
    try:
        with unwrapped(), Spool() as spool:
            async with connect(work) as connection:
                targets = await _targets(work, connection)
                found.targets = len(targets)
                await _wait_for_lists(work)
                exporter = Exporter(work.settings, estate_only=estate_only)
                await _Walk(work, connection, exporter, spool, found, check).over(targets)
            if found.unreachable and len(found.unreachable) == len(targets):
                raise next(iter(found.unreachable.values()))
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


async def _targets(work: Workspace, connection: Connection) -> list[Target]:
    """What is to be read: the flags' accounts and Regions, else what a row means that names none."""
    defaults = work.settings.defaults
    regions = tuple(work.options.regions) or defaults.region or tuple(filter(None, [connection.sessions.region]))
    if not regions:
        raise RegionError("no Region: name some (--regions), or set AWS_REGION", code="NoRegion")
    # Also the caller's own account goes by its number: rows name it.
    caller = await connection.caller(near=regions[0])
    values = tuple(work.options.accounts) or defaults.account or (caller.account,)
    accounts = work.accounts()
    places = [Target(account, region) for account in accounts.of(values).accounts for region in regions]
    resolved = work.accounts(await connection.directory(accounts.needed_selectors(places), near=regions[0]))
    chosen = resolved.of(values)
    for value, fault in chosen.faults:
        raise UsageError(f"account {value!r} {fault.reason}; {fault.remedy}")
    for account, status in sorted(resolved.left_out.items()):
        work.ui.note(f"{account} is left out: {status}")
    if not chosen.accounts:
        raise UsageError(f"{work.filters} leaves no account to export")
    return sorted({Target(account, region) for account in chosen.accounts for region in regions})


async def _wait_for_lists(work: Workspace) -> None:
    """Wait until lists show what the last runs on this machine did."""
    recent = await recent_runs(work)
    if recent.left_s > 0:
        work.ui.note(f"waiting {recent.left_s:.0f} s until AWS's lists show what the last run did")
        await work.stop.pause(recent.left_s)


@dataclass(slots=True)
class _Walk:
    """Reads targets, a bounded number at once."""

    work: Workspace
    connection: Connection
    exporter: Exporter
    spool: Spool
    found: Export
    check: ExportCheck
    disk: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(1))
    """The spool is one file: one thread at a time."""
    stopped: bool = False

    async def over(self, targets: Sequence[Target]) -> None:
        width = self.work.settings.run.max_targets_in_flight
        with self.work.ui.progress("reading targets", len(targets)) as progress:
            if (
                not await side_by_side(targets, width, self.connection.traffic, partial(self._one, progress))
                or self.stopped
            ):
                raise StopRequestedError

    async def _one(self, progress: Progress, target: Target) -> None:
        try:
            await self._read(target)
        except KeysNotAwaitedError:
            self.stopped = True
            return
        except AwsError as error:
            self.found.unreachable[target] = error
            self.work.ui.warn_of(target, f"{target} is left out: {error}")
        except StopRequestedError:
            self.stopped = True
            return
        progress.step()

    async def _read(self, target: Target) -> None:
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
        for estate, count in sorted(export.foreign.items()):
            self.work.ui.note(f"{target}: {count} of estate {estate!r} left out; export them with its own config")

    def _keep(self, target: Target, rows: Sequence[Row]) -> None:
        self.spool.add(target, rows)
        self.check.take(rows)
