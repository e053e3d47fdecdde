"""A run in one invocation, and what all invocations that know manifests have in common: config, files, time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.to_thread

import bulkprof
from bulkprof.aws import AwsSessions
from bulkprof.aws.s3_folder import fetch_folder
from bulkprof.config import DEFAULT_FILE, Config, Organization, Run, load
from bulkprof.errors import ConfigError, ExitCode, UsageError, unwrapped
from bulkprof.lambda_handler.events import Context, Event, RunFailedError, understood
from bulkprof.lambda_handler.log_ui import LOG, LogUi
from bulkprof.store.history.directory import StateDirectory
from bulkprof.workflows.options import Options

KEPT_RUNS: Final = 5
"""Run files that stay in the state directory: Lambda's disk is small, and lives from invocation to invocation."""
WRAP_UP_S: Final = 15.0
"""Seconds for the end of a run, after its last call: to deliver to the sinks, and to release the lock."""


def handler(event: Mapping[str, Any] | None, context: Context) -> dict[str, Any]:
    """Do one run, and return its summary. Raises `BulkprofError` where not every row is in order."""
    wanted = understood(event, Event)
    ends_at = end_of(context)
    with unwrapped():
        summary = anyio.run(_invoke, wanted, ends_at)
    if summary["exit_code"]:
        raise RunFailedError(summary)
    return summary


async def _invoke(event: Event, ends_at: datetime) -> dict[str, Any]:
    async with setup() as place:
        settings = place.config.settings
        if settings.lock.s3 is None and settings.state.s3 is None:
            LOG.warning("no [lock] s3 in the config: only a reserved concurrency of 1 keeps two runs apart")
        with run_options(place.config, ends_at, **event.model_dump(exclude={"command"})) as (options, ui):
            manifests = await anyio.to_thread.run_sync(place.manifests)
            return await _do(event.command, manifests, options, ui)


async def _do(command: str, manifests: Sequence[Path], options: Options, ui: LogUi) -> dict[str, Any]:
    if command == "plan":
        plan = await bulkprof.plan(manifests, options, ui)
        return {**plan.as_json(), "exit_code": int(ExitCode.DONE if plan.in_order else ExitCode.ROWS_FAILED)}
    change = bulkprof.apply if command == "apply" else bulkprof.sync
    return (await change(manifests, options, ui)).as_json()


def end_of(context: Context) -> datetime:
    """Return when Lambda ends the invocation."""
    return datetime.now(UTC) + timedelta(milliseconds=context.get_remaining_time_in_millis())


def deadline_of(ends_at: datetime, timeout_s: float) -> str:
    """Return until when a run may work, so that it ends in order. Raises `ConfigError` where that is no time at all."""
    # Calls in flight at the end may take until their timeout.
    wrap_up = timeout_s + WRAP_UP_S
    deadline = ends_at - timedelta(seconds=wrap_up)
    if deadline <= datetime.now(UTC):
        raise ConfigError(f"the function's timeout leaves no time to work: a run's end alone may take {wrap_up:g} s")
    return deadline.isoformat()


def state_dir() -> Path:
    """Return the state directory."""
    return Path(os.environ.get("BULKPROF_STATE_DIR") or Path(tempfile.gettempdir()) / "bulkprof")


@dataclass(frozen=True, slots=True)
class Setup:
    """Config and manifests, on this machine for as long as the invocation runs."""

    source: str
    folder: Path
    config: Config

    def manifests(self) -> list[Path]:
        """Return the manifests that the environment names. Raises `ConfigError`, `UsageError`."""
        patterns = (os.environ.get("BULKPROF_MANIFESTS") or "manifests/*").split()
        found: dict[Path, None] = {}
        for pattern in patterns:
            try:
                matches = sorted(path for path in self.folder.glob(pattern) if path.is_file())
            except (NotImplementedError, ValueError) as error:
                raise ConfigError(f"BULKPROF_MANIFESTS: {pattern!r}: {error}") from None
            if not matches:
                # With --prune, a manifest that isn't there is a wish to delete: it must not pass for an empty one.
                raise UsageError(
                    f"{self.source}: nothing matches {pattern!r}; upload manifests, or set BULKPROF_MANIFESTS"
                )
            found.update(dict.fromkeys(matches))
        return list(found)


@asynccontextmanager
async def setup() -> AsyncIterator[Setup]:
    """Fetch what `BULKPROF_SOURCE` names, and read the config. Raises `ConfigError`, `AwsError`."""
    source = os.environ.get("BULKPROF_SOURCE") or os.environ.get("LAMBDA_TASK_ROOT") or str(Path.cwd())
    with tempfile.TemporaryDirectory(prefix="bulkprof-") as folder:
        if source.startswith("s3://"):
            async with AwsSessions(Organization(), Run()) as sessions:
                await fetch_folder(sessions.client, source, Path(folder))
        place = Path(folder if source.startswith("s3://") else source)
        config = await anyio.to_thread.run_sync(load, place / (os.environ.get("BULKPROF_CONFIG") or DEFAULT_FILE))
        yield Setup(source, place, config)


@contextmanager
def run_options(config: Config, ends_at: datetime, **given: Any) -> Iterator[tuple[Options, LogUi]]:
    """Yield how to go about a run in time, and what logs it. At the end, old runs are forgotten."""
    state, ui = state_dir(), LogUi()
    deadline = deadline_of(ends_at, config.settings.run.timeout_s)
    options = Options(config=config, state_dir=state, deadline=deadline, **given)
    try:
        yield options, ui
    finally:
        # Where an error ends the run, the problems of rows up to it are told nevertheless.
        ui.problems_end()
        _forget_old_runs(state)


def _forget_old_runs(state: Path) -> None:
    """Remove all run files but the newest, with the files beside them that a killed process has left."""
    directory = StateDirectory(state)
    for run_id in directory.run_ids()[KEPT_RUNS:]:
        for path in directory.runs.glob(f"{run_id}.db*"):
            path.unlink(missing_ok=True)
