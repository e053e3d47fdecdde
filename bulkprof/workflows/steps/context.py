"""What a command works with: its options, the state directory, the plugins, and the rules."""

from __future__ import annotations

import io
import sys
import tempfile
import time
import weakref
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import anyio
import anyio.to_thread

from bulkprof.config import ColumnNames
from bulkprof.errors import (
    BulkprofError,
    DeclinedError,
    KeysNotAwaitedError,
    ManifestError,
    RunInterruptedError,
    StateError,
    UnforeseenError,
    UsageError,
    unwrapped,
)
from bulkprof.manifests.stdin import STDIN, is_stream, opened_stream, pieces
from bulkprof.manifests.workbooks.places import is_workbook, split_label
from bulkprof.model import Directory
from bulkprof.planning.safety import Tolerance
from bulkprof.plugins.registry import Registry
from bulkprof.reports.results.files import check_results, require_sheets
from bulkprof.rules.accounts import Accounts, Filters
from bulkprof.rules.expand import Rules
from bulkprof.rules.regions import region_doubt
from bulkprof.statuses import NOTHING_SENT, RunStatus
from bulkprof.stop import Stop, StopRequestedError
from bulkprof.store.details import RunDetails
from bulkprof.store.history.directory import StateDirectory, new_run_id
from bulkprof.store.history.status import name_of
from bulkprof.store.run import RunFile
from bulkprof.system.files import check_apart, check_path
from bulkprof.system.temporary import on_temporary_disk, write_all
from bulkprof.telemetry.seam import NO_TELEMETRY, Telemetry, Watched
from bulkprof.telemetry.switch import telemetry_of
from bulkprof.totals import Plan
from bulkprof.ui import Ui
from bulkprof.workflows.options import Options
from bulkprof.workflows.steps.deadline import Deadline, utc_now
from bulkprof.workflows.steps.overrides import overridden
from bulkprof.workflows.steps.remote.directory import remote_runs
from bulkprof.workflows.steps.sandbox import check_sandbox

if TYPE_CHECKING:
    from bulkprof.workflows.fleet.fleet import Fleet
    from bulkprof.workflows.steps.connection import Kept


@dataclass(frozen=True, slots=True)
class Fetched:
    """Manifests that can be read: `labels` in place of what the user wrote, and where those of S3 are on this disk."""

    labels: Sequence[str]
    places: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    """The version id or ETag of each object."""


class Workspace:
    """One command at work."""

    def __init__(self, options: Options, ui: Ui, stop: Stop) -> None:
        """Load the plugins, check the options. Raises `PluginError`, `UsageError`."""
        self._began = time.monotonic()
        self._asked_s = 0.0
        self.options = options
        self.settings = overridden(options)
        self.ui = ui
        self.stop = stop
        self.remote = remote_runs(options, ui.warn)
        self.state = StateDirectory(options.state_dir, self.remote)
        self.naming = ColumnNames(self.settings.columns)
        """What the config says of the headers of sheets."""
        self.registry = Registry(self.settings.plugins, options.config.directory)
        for name, plugin in options.plugins.items():
            self.registry.add(name, plugin)
        self.filters = Filters(tuple(options.accounts), tuple(options.not_accounts), tuple(options.regions))
        self.accounts()
        self.tolerance = Tolerance.parse(options.failure_tolerance) if options.failure_tolerance else Tolerance()
        self.deadline = Deadline.parse(options.deadline, utc_now()) if options.deadline else None
        """Counted from here on, where it is a duration."""
        if options.results is not None:
            check_results(options.results)
        if options.failed is not None:
            check_path("--failed", options.failed)
        self.fleet: Fleet | None = None
        """What carries runs out elsewhere; None for this process."""
        self.environment: Mapping[str, str] | None = None
        """The AWS settings of a sandbox that runs, here or where a share comes from; None for the process's own."""
        self.kept: Kept | None = None
        """What is kept for the next share of the run that this one is of."""
        self.sandbox_dir = options.state_dir
        """Where the sandbox of a command that is to work in one keeps its profiles."""
        self.learned: Mapping[str, Any] = {}
        """What a share brings along of rates, as `RateStore.of` returns it."""
        self.telemetry: Telemetry = NO_TELEMETRY
        """Takes what the run does, while it is recorded."""
        self.fetched: Fetched | None = None
        """The manifests, where some are in S3, once they are here."""
        self._streams: dict[str, BinaryIO] = {}
        flag = "--regions" if options.flags else "regions"
        named = [("defaults.region:", self.settings.defaults.region), (flag, options.regions)]
        named += [("rollout.order:", self.settings.rollout.order)]
        named += [(f"models.{alias}:", [*of]) for alias, of in self.settings.models.items() if not isinstance(of, str)]
        for what, regions in named:
            for region in regions:
                if doubt := region_doubt(region):
                    ui.warn(f"{what} {region!r} {doubt.reason}; {doubt.remedy}")

    def check_files(self, manifests: Sequence[str]) -> None:
        """Raise `UsageError` where a file that the run shall write is one that it reads: it would be gone."""
        config = self.options.config.file
        check_apart(
            {"--results": self.options.results, "--failed": self.options.failed},
            [*(split_label(name)[0] for name in manifests if name != STDIN), *([config] if config else [])],
        )

    @property
    def elapsed_s(self) -> float:
        """Seconds since the command began, without those that people took to look at its plan."""
        return time.monotonic() - self._began - self._asked_s

    async def confirm(self, plan: Plan) -> bool:
        """Whether the user agrees to the command's plan."""
        asked = time.monotonic()
        try:
            return await self.ui.confirm(plan)
        finally:
            self._asked_s += time.monotonic() - asked

    def rules(self, account: str = "", region: str = "", accounts: Accounts | None = None) -> Rules:
        """The organization's rules, for the caller's account and default Region, and accounts, where they are known."""
        return Rules(self.settings, self.registry, account=account, region=region, accounts=accounts or self.accounts())

    def accounts(self, directory: Directory | None = None) -> Accounts:
        """What account cells mean: resolved by `directory` and filtered, or as they are. Raises `UsageError`."""
        return Accounts(self.settings.organization.aliases, self.filters, directory)

    def new_run(self, command: str, manifests: Sequence[str], path: Path | None = None) -> RunFile:
        """Start a run's file, in the state directory or at `path`. Raises `StateError`, `UsageError`."""
        check_sandbox(self.options)
        now = datetime.now(UTC)
        run_id = new_run_id(now)
        if path is None:
            self.state.prepare()
            path = self.state.run_path(run_id)
        return RunFile.create(
            path,
            RunDetails(
                id=run_id,
                command=command,
                estate=self.settings.estate,
                started_at=now.isoformat(timespec="seconds"),
                manifests=tuple(manifests),
                fetched=self.options.config.fetched,
                skip_invalid=self.options.skip_invalid,
                replace=self.options.replace,
                prune=self.options.prune,
                allow_deletions=self.options.allow_deletions,
                allow_updates=self.options.allow_updates,
                allow_replacements=self.options.allow_replacements,
                sandbox=self.options.sandbox,
                results_columns=self.options.results_columns or any(map(is_workbook, manifests)),
                accounts=self.filters.accounts,
                not_accounts=self.filters.not_accounts,
                regions=self.filters.regions,
            ),
        )

    def as_started(self, run: RunFile) -> Workspace:
        """Return the workspace with the flags that the run was started with."""
        details = run.details()
        if details.estate != self.settings.estate:
            raise UsageError(
                f"{run.path} belongs to estate {details.estate!r}, and the config says {self.settings.estate!r}; "
                "use the config that it was made with: --config FILE"
            )
        require_sheets(run, asked=self.options.results_columns)
        filters = Filters(details.accounts, details.not_accounts, details.regions)
        if self.filters and self.filters != filters:
            raise UsageError(f"{run.path} was planned without {self.filters}; make another plan with it")
        self.check_files(details.manifests)
        options = replace(
            self.options,
            skip_invalid=details.skip_invalid,
            replace=details.replace,
            prune=details.prune,
            allow_deletions=details.allow_deletions,
            allow_updates=details.allow_updates,
            allow_replacements=details.allow_replacements,
            sandbox=details.sandbox or self.options.sandbox,
            results_columns=details.results_columns,
            accounts=details.accounts,
            not_accounts=details.not_accounts,
            regions=details.regions,
        )
        return Workspace(options, self.ui, self.stop)

    @asynccontextmanager
    async def watched(self, run: RunFile) -> AsyncIterator[None]:
        """Leave in the run file how the run ended, as `recorded` does, and let telemetry take what it does."""
        watched = partial(_watched, run.details())
        async with telemetry_of(watched, warn=self.ui.warn, note=self.ui.note) as self.telemetry:
            with self.recorded(run):
                if self.telemetry.trace_id:
                    self.ui.traced(self.telemetry.trace_id)
                yield

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a stop end the block as an interrupt of what is no run, so that nothing could be resumed."""
        try:
            with unwrapped():
                yield
        except (StopRequestedError, KeysNotAwaitedError):
            raise RunInterruptedError("", code=self.stop.exit_code, reason=self.stop.reason) from None

    @contextmanager
    def recorded(self, run: RunFile) -> Iterator[None]:
        """Leave in the run file how the run ended, unless it ended well.

        A stop before the first change is an interrupt.
        """
        details, name = run.details(), name_of(run)
        self.ui.started(name)
        if details.interrupted:
            run.note(interrupted=False)
        try:
            with self.noted(run):
                yield
        except (StopRequestedError, KeysNotAwaitedError):
            raise RunInterruptedError(name, code=self.stop.exit_code, reason=self.stop.reason) from None

    @contextmanager
    def noted(self, run: RunFile) -> Iterator[None]:
        """Leave in the run file how the block ended, unless it ended well. Blocks may be inside of each other."""
        try:
            with unwrapped():
                yield
        except (StopRequestedError, KeysNotAwaitedError):
            # Its status stays, which says how far it came.
            with suppress(StateError):
                run.note(interrupted=True)
            raise
        except BulkprofError as error:
            self._note_end(run, error)
            raise
        except Exception as error:
            unforeseen = UnforeseenError(error)
            self._note_end(run, unforeseen)
            raise unforeseen from error

    def _note_end(self, run: RunFile, error: BulkprofError) -> None:
        """Leave in the run file that it ended with `error`, so that it isn't taken for one at work."""
        with suppress(StateError):
            details = run.details()
            if details.status is RunStatus.RUNNING:
                error.run_id = name_of(run)
                run.note(status=RunStatus.INTERRUPTED, error=str(error))
            elif details.status in NOTHING_SENT and not isinstance(error, DeclinedError | StateError):
                run.note(status=RunStatus.REFUSED, error=str(error), exit_code=int(error.exit_code))

    async def streams(self, manifests: Sequence[str]) -> dict[str, BinaryIO]:
        """Standard input and pipes among the manifests, as files that can be read more than once.

        Raises `StopRequestedError` when the run stops while it waits for their writer.
        """
        for label in filter(is_stream, (split_label(manifest)[0] for manifest in manifests)):
            if label not in self._streams:
                # One that can't be opened is a problem of the manifest, told by those who read it.
                with suppress(OSError):
                    self._streams[label] = await self._copied(label)
        for copied in self._streams.values():
            copied.seek(0)
        return self._streams

    async def _copied(self, label: str) -> BinaryIO:
        given = self.options.stdin if label == STDIN else None
        with on_temporary_disk():
            spool = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - lives as long as the command
        weakref.finalize(self, spool.close)
        if label == STDIN and given is None and sys.stdin is None:
            raise ManifestError("-: standard input is closed, so there is no manifest to read; nothing was changed")
        with nullcontext(cast("BinaryIO", given)) if given else opened_stream(label) as source:
            async with anyio.create_task_group() as group:
                group.start_soon(self.cancel_at_stop, group.cancel_scope)
                async for data in pieces(source):
                    await anyio.to_thread.run_sync(write_all, spool, data)
                group.cancel_scope.cancel()
        await self.stop.pause(0)
        return cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", spool)))

    async def cancel_at_stop(self, scope: anyio.CancelScope) -> None:
        """Cancel what can't wait for the stop by itself, when the run stops."""
        await self.stop.wait()
        scope.cancel()


def _watched(details: RunDetails) -> Watched:
    # Telemetry is switched on, and the run is about to load all of this anyway.
    from bulkprof.aws.operations import api_name

    return Watched(details.id, details.command, details.estate, details.sandbox, api_name)
