"""The way in for AWS Lambda: an invocation is a run, of manifests that are in the function's package or in S3.

The function's environment says what is run, so that a caller can't point it elsewhere:

| variable | |
|---|---|
| `BULKPROF_SOURCE` | where config and manifests are: `s3://bucket/prefix/` or a folder (default: the package) |
| `BULKPROF_CONFIG` | the config file, seen from there (default: `bulkprof.toml`) |
| `BULKPROF_MANIFESTS` | the manifests, as patterns seen from there, separated by blanks (default: `manifests/*`) |
| `BULKPROF_STATE_DIR` | the state directory (default: `bulkprof` in the temporary folder, `/tmp` on Lambda) |

The event says how: see `Event`. An empty one is a `sync` that deletes nothing.

Where all is done, the handler returns the run's summary. Else it raises, for that is what makes an invocation count as
failed, with its alarm and its dead-letter queue: `RunFailedError` with the summary in it when rows failed or time ran
out, and any other `BulkprofError` when the run could not start.

Between invocations nothing lives but the state directory, and that only as long as Lambda keeps it; so what keeps two
runs apart is `[lock] s3` in the config, or a reserved concurrency of 1, and `[state] s3` is where they leave what later
ones need.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Protocol

import anyio
import anyio.to_thread
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import bulkprof
from bulkprof.aws import AwsSessions
from bulkprof.aws.s3_folder import fetch_folder
from bulkprof.config import DEFAULT_FILE, Config, Organization, Run, load
from bulkprof.errors import BulkprofError, ConfigError, ExitCode, UsageError, unwrapped
from bulkprof.model import Problem
from bulkprof.reports.problems import ProblemLines, SameProblem
from bulkprof.store.history.directory import StateDirectory
from bulkprof.text.findings import validation_lines
from bulkprof.text.printable import printable, printable_lines
from bulkprof.ui import Ui
from bulkprof.workflows.options import Options

KEPT_RUNS: Final = 5
"""Run files that stay in the state directory: Lambda's disk is small, and lives from invocation to invocation."""
WRAP_UP_S: Final = 15.0
"""Seconds for the end of a run, after its last call: to deliver to the sinks, and to release the lock."""

_log = logging.getLogger("bulkprof")


class Event(BaseModel):
    """How one invocation goes about its work; the command line's flags have the same names."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    command: Literal["sync", "apply", "plan"] = "sync"
    prune: bool = False
    replace: bool = False
    skip_invalid: bool = False
    allow_deletions: int | None = Field(default=None, ge=0)
    allow_updates: int | None = Field(default=None, ge=0)
    allow_replacements: int | None = Field(default=None, ge=0)
    accounts: tuple[str, ...] = ()
    not_accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    failure_tolerance: str | None = None


class Context(Protocol):
    """What the handler uses of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        ...


class RunFailedError(BulkprofError):
    """The run ended with rows that are not in order; the text is its summary as JSON, for code that catches it."""

    exit_code = ExitCode.ROWS_FAILED

    def __init__(self, summary: Mapping[str, Any]) -> None:
        super().__init__(json.dumps(summary))
        self.summary = summary


def handler(event: Mapping[str, Any] | None, context: Context) -> dict[str, Any]:
    """Do one run, and return its summary. Raises `BulkprofError` where not every row is in order."""
    try:
        wanted = Event.model_validate(event or {})
    except ValidationError as error:
        raise UsageError(printable_lines(f"event: {line}" for line in validation_lines(error, Event))) from None
    ends_at = datetime.now(UTC) + timedelta(milliseconds=context.get_remaining_time_in_millis())
    with unwrapped():
        summary = anyio.run(_invoke, wanted, ends_at)
    if summary["exit_code"]:
        raise RunFailedError(summary)
    return summary


async def _invoke(event: Event, ends_at: datetime) -> dict[str, Any]:
    source = os.environ.get("BULKPROF_SOURCE") or os.environ.get("LAMBDA_TASK_ROOT") or str(Path.cwd())
    with tempfile.TemporaryDirectory(prefix="bulkprof-") as folder:
        if source.startswith("s3://"):
            async with AwsSessions(Organization(), Run()) as sessions:
                await fetch_folder(sessions.client, source, Path(folder))
        place = Path(folder if source.startswith("s3://") else source)
        config = await anyio.to_thread.run_sync(load, place / (os.environ.get("BULKPROF_CONFIG") or DEFAULT_FILE))
        patterns = (os.environ.get("BULKPROF_MANIFESTS") or "manifests/*").split()
        manifests = await anyio.to_thread.run_sync(_manifests, place, patterns, source)
        return await _run(event, config, manifests, ends_at)


def _manifests(place: Path, patterns: Sequence[str], source: str) -> list[Path]:
    found: dict[Path, None] = {}
    for pattern in patterns:
        try:
            matches = sorted(path for path in place.glob(pattern) if path.is_file())
        except (NotImplementedError, ValueError) as error:
            raise ConfigError(f"BULKPROF_MANIFESTS: {pattern!r}: {error}") from None
        if not matches:
            # With --prune, a manifest that isn't there is a wish to delete: it must not pass for an empty one.
            raise UsageError(f"{source}: nothing matches {pattern!r}; upload manifests, or set BULKPROF_MANIFESTS")
        found.update(dict.fromkeys(matches))
    return list(found)


async def _run(event: Event, config: Config, manifests: Sequence[Path], ends_at: datetime) -> dict[str, Any]:
    settings = config.settings
    if settings.lock.s3 is None and settings.state.s3 is None:
        _log.warning("no [lock] s3 in the config: only a reserved concurrency of 1 keeps two runs apart")
    # Calls in flight at the end may take until their timeout.
    wrap_up = settings.run.timeout_s + WRAP_UP_S
    deadline = ends_at - timedelta(seconds=wrap_up)
    if deadline <= datetime.now(UTC):
        raise ConfigError(f"the function's timeout leaves no time to work: a run's end alone may take {wrap_up:g} s")
    state = Path(os.environ.get("BULKPROF_STATE_DIR") or Path(tempfile.gettempdir()) / "bulkprof")
    given = event.model_dump(exclude={"command"})
    options = Options(config=config, state_dir=state, deadline=deadline.isoformat(), **given)
    try:
        return await _work(event.command, manifests, options)
    finally:
        _forget_old_runs(state)


async def _work(command: str, manifests: Sequence[Path], options: Options) -> dict[str, Any]:
    ui = _LogUi()
    try:
        return await _do(command, manifests, options, ui)
    finally:
        # Where an error ends the run, the problems of rows up to it are told nevertheless.
        ui.problems_end()


async def _do(command: str, manifests: Sequence[Path], options: Options, ui: _LogUi) -> dict[str, Any]:
    if command == "plan":
        plan = await bulkprof.plan(manifests, options, ui)
        return {**plan.as_json(), "exit_code": int(ExitCode.DONE if plan.in_order else ExitCode.ROWS_FAILED)}
    change = bulkprof.apply if command == "apply" else bulkprof.sync
    return (await change(manifests, options, ui)).as_json()


def _forget_old_runs(state: Path) -> None:
    """Remove all run files but the newest, with the files beside them that a killed process has left."""
    directory = StateDirectory(state)
    for run_id in directory.run_ids()[KEPT_RUNS:]:
        for path in directory.runs.glob(f"{run_id}.db*"):
            path.unlink(missing_ok=True)


class _LogUi(Ui):
    """Writes to CloudWatch, through the logging that Lambda has set up."""

    def __init__(self) -> None:
        self._lines = ProblemLines(self._same_problem)
        self._log: logging.Logger | logging.LoggerAdapter[logging.Logger] = _log

    def traced(self, trace_id: str) -> None:
        """Log it, and let all further lines carry it, as Lambda's JSON format shows it."""
        self._log = logging.LoggerAdapter(_log, {"trace_id": trace_id})
        self.note(f"trace: {trace_id}")

    def problem(self, problem: Problem) -> None:
        """Log it, once for all of its rows."""
        self._lines.add(problem)

    def problems_end(self) -> None:
        """Log the problems that aren't logged yet."""
        self._lines.end()

    def _same_problem(self, same: SameProblem) -> None:
        self._log.log(logging.ERROR if same.first.is_error else logging.WARNING, "%s", str(same))

    def warn(self, message: str) -> None:
        """Log it."""
        self._log.warning("%s", printable(message))

    def note(self, message: str) -> None:
        """Log it."""
        self._log.info("%s", printable(message))
