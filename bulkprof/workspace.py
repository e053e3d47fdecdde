"""What a command works with: its options, the state directory, the plugins, and the way into AWS or the sandbox."""

from __future__ import annotations

import sys
import tempfile
import time
import weakref
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import anyio
import anyio.to_thread

from bulkprof.aws import AwsSessions
from bulkprof.config import MOST_TARGETS, Config, Lock, Organization, Settings
from bulkprof.delivery.files import check_path
from bulkprof.delivery.plan import Plan
from bulkprof.delivery.ui import Ui
from bulkprof.errors import ConfigError, ExitCode, StateError, UsageError
from bulkprof.execution.deadline import Deadline, DeadlineWatch, utc_now
from bulkprof.execution.fleet import Fleet
from bulkprof.execution.lock import Holder, StateLock
from bulkprof.execution.rates import RateStore
from bulkprof.execution.recent import RecentRuns
from bulkprof.execution.runfile import RunFile
from bulkprof.execution.s3_lock import shared_lock
from bulkprof.execution.state import StateDirectory, new_run_id
from bulkprof.execution.stop import Stop
from bulkprof.intake.stdin import pieces
from bulkprof.model import Directory
from bulkprof.planning.diff import DiffRules
from bulkprof.planning.retirement import Retirement
from bulkprof.planning.safety import Tolerance
from bulkprof.plugins import RunContext
from bulkprof.plugins.registry import Registry
from bulkprof.rules import Rules
from bulkprof.rules.accounts import Accounts, Filters

SANDBOX_ROLE = "OrganizationAccountAccessRole"
"""The role that sandbox runs assume where the config names none: the one that AWS Organizations makes."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a use case is to go about its work; the command line's flags have the same names."""

    config: Config = field(default_factory=Config)
    state_dir: Path = Path(".bulkprof")
    sandbox: bool = False
    """Work in the sandbox instead of AWS."""
    skip_invalid: bool = False
    """Go on without the rows that have problems."""
    replace: bool = False
    """Replace profiles whose model or description differs; they get a new ARN."""
    prune: bool = False
    """Delete the estate's profiles that no manifest wants, in the targets that manifests cover."""
    accounts: Sequence[str] = ()
    """Work in these accounts only: ids, aliases or selectors."""
    not_accounts: Sequence[str] = ()
    """Leave these accounts out."""
    regions: Sequence[str] = ()
    """Work in these Regions only."""
    results: Path | None = None
    """Where the results file goes: .csv or .jsonl."""
    failed: Path | None = None
    """Where the rows that didn't end in order go, in manifest form: .csv or .jsonl."""
    failure_tolerance: str | None = None
    """How many profiles may fail before the run stops: a share such as `5%` or a count."""
    deadline: str | None = None
    """When the run has to be over: `2h`, `06:00`, or an ISO date and time. What it doesn't reach stays open."""
    max_targets_in_flight: int | None = None
    """How many targets are worked in at once, instead of what the config says."""
    processes: int = 1
    """How many processes, at most, understand large manifests side by side. They are forked, and on Linux alone: leave
    it at 1 in a program with threads of its own.
    """
    stdin: IO[bytes] | None = None
    """What the manifest `-` reads; the process's standard input by default."""


class Workspace:
    """One command at work."""

    def __init__(self, options: Options, ui: Ui, stop: Stop) -> None:
        """Load the plugins, check the options. Raises `PluginError`, `UsageError`."""
        self._began = time.monotonic()
        self._asked_s = 0.0
        self.options = options
        self.settings = _overridden(options)
        self.ui = ui
        self.stop = stop
        self.state = StateDirectory(options.state_dir)
        self.registry = Registry(self.settings.plugins, options.config.directory)
        self.filters = Filters(tuple(options.accounts), tuple(options.not_accounts), tuple(options.regions))
        self.accounts()
        self.tolerance = Tolerance.parse(options.failure_tolerance) if options.failure_tolerance else Tolerance()
        self.deadline = Deadline.parse(options.deadline, utc_now()) if options.deadline else None
        """Counted from here on, where it is a duration."""
        for flag, path in (("--results", options.results), ("--failed", options.failed)):
            if path is not None:
                check_path(flag, path)
        self._stdin: BinaryIO | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since the command began, without those that people took to look at its plan."""
        return time.monotonic() - self._began - self._asked_s

    async def confirm(self, plan: Plan) -> bool:
        """Whether whoever started the command agrees to its plan."""
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
        """Start a run's file, in the state directory or at `path`. Raises `StateError`."""
        now = datetime.now(UTC)
        run_id = new_run_id(now)
        if path is None:
            self.state.prepare()
            path = self.state.run_path(run_id)
        return RunFile.create(
            path,
            {
                "id": run_id,
                "command": command,
                "estate": self.settings.estate,
                "started_at": now.isoformat(timespec="seconds"),
                "status": "intake",
                "manifests": list(manifests),
                "skip_invalid": self.options.skip_invalid,
                "replace": self.options.replace,
                "prune": self.options.prune,
                "sandbox": self.options.sandbox,
                "accounts": self.filters.accounts,
                "not_accounts": self.filters.not_accounts,
                "regions": self.filters.regions,
            },
        )

    async def stdin(self, manifests: Sequence[str]) -> BinaryIO | None:
        """Standard input as a file that can be read more than once, where a manifest is `-`.

        Raises `StopRequestedError` when the run stops while whoever writes keeps it waiting.
        """
        if "-" not in manifests:
            return None
        if self._stdin is None:
            self._stdin = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - lives as long as the command
            weakref.finalize(self, self._stdin.close)
            source = cast("BinaryIO", self.options.stdin or sys.stdin.buffer)
            async with anyio.create_task_group() as group:
                group.start_soon(self._cancel_at_stop, group.cancel_scope)
                async for data in pieces(source):
                    await anyio.to_thread.run_sync(self._stdin.write, data)
                group.cancel_scope.cancel()
            await self.stop.pause(0)
        self._stdin.seek(0)
        return self._stdin

    async def _cancel_at_stop(self, scope: anyio.CancelScope) -> None:
        await self.stop.wait()
        scope.cancel()

    def lock(self, run: RunFile) -> StateLock:
        """The estate's lock on this state directory, to be held for `run`. Entering it raises `LockHeldError`."""
        run_id, command = str(run.meta("id")), str(run.meta("command"))
        return StateLock(self.state.path, self.settings.estate, run_id=run_id, command=command, warn=self.ui.warn)

    @asynccontextmanager
    async def connect(self, holder: Holder | None = None) -> AsyncIterator[Fleet]:
        """Open the way into AWS, or start the sandbox; `holder` is who takes the shared lock, where one is set.

        Raises `AwsError`, `ConfigError`, `LockHeldError`.
        """
        if not self.options.sandbox:
            sessions = AwsSessions(self.settings.organization, self.settings.run)
            async with self._fleet(sessions, self.settings.lock, holder) as fleet:
                yield fleet
            return
        sandbox = await anyio.to_thread.run_sync(self._start_sandbox)
        try:
            role = {"role": self.settings.organization.role or SANDBOX_ROLE}
            organization: Organization = self.settings.organization.model_copy(update=role)
            sessions = AwsSessions(organization, self.settings.run, environment=sandbox.environment())
            # The bucket of a shared lock is in AWS: in the sandbox there is nobody to share it with.
            async with self._fleet(sessions, Lock(), holder) as fleet:
                yield fleet
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(sandbox.stop)

    def _start_sandbox(self) -> Any:
        from bulkprof.sandbox import Sandbox, SandboxMissingError, SandboxSettings

        self.state.prepare()
        try:
            return Sandbox(SandboxSettings(state_file=self.state.path / "sandbox.journal")).start()
        except SandboxMissingError as error:
            raise ConfigError(str(error)) from None
        except ValueError as error:
            raise StateError(f"{error}; move it away to begin with an empty sandbox") from None

    @asynccontextmanager
    async def _fleet(self, sessions: AwsSessions, lock: Lock, holder: Holder | None) -> AsyncIterator[Fleet]:
        settings = self.settings
        rules = DiffRules(
            ownership_tag=settings.ownership_tag,
            estate=settings.estate,
            keys_tag=settings.keys_tag,
            exact_tags=settings.tags == "exact",
            replace=self.options.replace,
            prune=self.options.prune,
            retirement=Retirement.starting(
                datetime.now(UTC), settings.replace.tag, timedelta(days=settings.replace.grace_days)
            ),
        )
        rates = RateStore(self.state.path)
        if problem := await anyio.to_thread.run_sync(rates.load):
            self.ui.warn(problem)
        async with AsyncExitStack() as stack:
            if self.deadline is not None:
                await stack.enter_async_context(DeadlineWatch(self.deadline, self.stop))
            await stack.enter_async_context(sessions)
            if holder is not None:
                shared = shared_lock(lock, sessions.client, holder, on_lost=self._lock_lost, warn=self.ui.warn)
                await stack.enter_async_context(shared)
            fleet = Fleet(sessions, rules, settings.run, rates, self.stop, self.ui.warn)
            try:
                yield fleet
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(fleet.keep_rates)

    def _lock_lost(self, reason: str) -> None:
        self.ui.warn(f"stopping: the shared lock is lost: {reason}")
        self.stop.request(ExitCode.LOCKED, f"the shared lock is lost: {reason}")

    async def recent(self) -> RecentRuns:
        """What the last runs on this machine did so lately that AWS may not show it."""
        look = partial(RecentRuns, self.state, self.settings.estate, self.settings.run.settle_s)
        return await anyio.to_thread.run_sync(look)

    def run_context(self, run: RunFile, sessions: AwsSessions) -> RunContext:
        """The run as its sinks see it."""

        def client(service: str, *, region: str | None = None) -> AbstractAsyncContextManager[Any]:
            return sessions.client(service, region=region)

        return RunContext(
            run_id=str(run.meta("id")),
            command=str(run.meta("command")),
            estate=str(run.meta("estate")),
            started_at=str(run.meta("started_at")),
            client=client,
        )


def _overridden(options: Options) -> Settings:
    """The config's settings, with what the options put in their place. Raises `UsageError`."""
    settings, width = options.config.settings, options.max_targets_in_flight
    if width is None:
        return settings
    if not 1 <= width <= MOST_TARGETS:
        raise UsageError(f"--max-targets-in-flight {width}: must be from 1 to {MOST_TARGETS}")
    return settings.model_copy(update={"run": settings.run.model_copy(update={"max_targets_in_flight": width})})
