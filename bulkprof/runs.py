"""The use cases: validate, plan, apply, sync, resume. Each reads like the picture in the README.

They are also the Python API: `await bulkprof.apply(["teams.csv"])`. None of them prints or asks by itself; what
happens is told to the `Ui`. All raise `BulkprofError`; a run that a signal stops midway returns its summary.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio.to_thread

from bulkprof import carryout
from bulkprof.carryout import Redelivery, execute
from bulkprof.delivery.ui import Ui
from bulkprof.errors import (
    BulkprofError,
    DeclinedError,
    RunInterruptedError,
    StateError,
    UsageError,
    unwrapped,
)
from bulkprof.execution.fleet import Fleet
from bulkprof.execution.lane import Stop, StopRequestedError
from bulkprof.execution.lock import StateLock
from bulkprof.execution.runfile import RunFile
from bulkprof.execution.state import NOTHING_SENT, UNFINISHED, is_run_file
from bulkprof.model import ActionKind, RunSummary
from bulkprof.places import settle
from bulkprof.planning.safety import check_complete, check_prune, check_refused
from bulkprof.rules.accounts import Filters, unresolved
from bulkprof.rules.guess import Guess, guess
from bulkprof.steps import Planner, Replanning, require_rows, take_in, veto
from bulkprof.workspace import Options, Workspace

GUESSES = 8
"""How many models `validate` guesses the source of, to show."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What `validate` found."""

    rows: int
    desired: int
    """Desired profiles of the valid rows."""
    invalid: int
    """Rows with an error."""
    problems: int
    """Errors; a row may have several."""
    sources: tuple[Guess, ...]
    """What the models of valid rows probably are, a few of them: nobody was asked."""


async def validate(
    manifests: Sequence[str], options: Options | None = None, ui: Ui | None = None, stop: Stop | None = None
) -> Validation:
    """Find every problem of every row, without network or credentials; problems are told to the `ui`."""
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    with (
        TemporaryDirectory(prefix="bulkprof-") as folder,
        closing(work.new_run("validate", manifests, Path(folder) / "validate.db")) as run,
        _recorded(run, work.stop),
    ):
        rows = await take_in(work, run, manifests, work.rules(), work.ui)
        sources = tuple(guess(source, unresolved(target)) for source, target in run.sources(GUESSES))
        return Validation(rows, run.action_counts()[0], run.invalid_count(), run.error_count(), sources)


async def plan(
    manifests: Sequence[str], out: Path, options: Options | None = None, ui: Ui | None = None, stop: Stop | None = None
) -> bool:
    """Write the plan for `manifests` to the new file `out`, changing nothing; answers whether it has changes.

    The plan is shown through `Ui.confirm`, whose answer doesn't matter here. Raises `SafetyError` when the plan goes
    over a cap or a plugin vetoes it.
    """
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    run = work.new_run("apply", manifests, out)
    try:
        with closing(run), _recorded(run, work.stop):
            await _take_in_offline(work, run, manifests)
            async with work.connect() as fleet:
                await _plan(work, run, fleet, manifests)
            await work.ui.confirm(run)
            run.set_meta(status="planned")
            return _has_changes(run)
    except BaseException:
        # Half a plan must not be mistaken for one.
        await anyio.to_thread.run_sync(partial(out.unlink, missing_ok=True))
        raise


async def apply(
    manifests: Sequence[str], options: Options | None = None, ui: Ui | None = None, stop: Stop | None = None
) -> RunSummary:
    """Create what is missing and repair tags; deletes nothing. `manifests` may be one plan file of `plan`."""
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    if len(manifests) == 1 and is_run_file(Path(manifests[0])):
        with closing(RunFile.open(Path(manifests[0]))) as kept:
            work = _as_started(work, kept)
            # The lock comes first: a second `apply` of the same plan must not touch the first one's copy.
            with work.lock(kept) as lock, closing(RunFile.open(work.state.adopt_plan(kept.path))) as run:
                return await _go_on(work, run, lock, resumed=False)
    return await _change(work, "apply", manifests)


async def sync(
    manifests: Sequence[str], options: Options | None = None, ui: Ui | None = None, stop: Stop | None = None
) -> RunSummary:
    """Make the estate equal to `manifests`: `apply`, and with `options.prune` deletions under the caps."""
    return await _change(Workspace(options or Options(), ui or Ui(), stop or Stop()), "sync", manifests)


async def resume(
    run_id: str | None = None, options: Options | None = None, ui: Ui | None = None, stop: Stop | None = None
) -> RunSummary:
    """Go on with an interrupted run, by default the newest. Raises `UsageError` when there is none."""
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    path = work.state.find(run_id) if run_id else work.state.latest_unfinished()
    with closing(RunFile.open(path)) as run:
        status = run.meta("status")
        if status not in UNFINISHED:
            raise UsageError(f"run {run.meta('id')} is {status}: there is nothing to resume")
        work = _as_started(work, run)
        if status in NOTHING_SENT:
            return await _from_the_start(work, run, run.meta("manifests"))
        with work.lock(run) as lock:
            return await _go_on(work, run, lock, resumed=True)


async def redeliver(
    run_id: str, options: Options | None = None, ui: Ui | None = None, *, only: Collection[str] | None = None
) -> Redelivery:
    """Send what sinks miss of a finished run; `only` names the sinks to try."""
    work = Workspace(options or Options(), ui or Ui(), Stop())
    with closing(RunFile.open(work.state.find(run_id))) as run, unwrapped():
        if run.meta("status") != "finished":
            raise UsageError(f"run {run.meta('id')} is {run.meta('status')}; `bulkprof resume` finishes it first")
        work = _as_started(work, run)
        async with work.connect() as fleet:
            return await carryout.redeliver(work, run, fleet, only=only)


async def _change(work: Workspace, command: str, manifests: Sequence[str]) -> RunSummary:
    with closing(work.new_run(command, manifests)) as run:
        return await _from_the_start(work, run, manifests)


async def _from_the_start(work: Workspace, run: RunFile, manifests: Sequence[str]) -> RunSummary:
    with _recorded(run, work.stop), work.lock(run) as lock:
        await run.off_loop(run.clear_intake)
        await _take_in_offline(work, run, manifests)
        async with work.connect(lock.holder) as fleet:
            await _plan(work, run, fleet, manifests)
            return await _approve_and_execute(work, run, fleet)


async def _go_on(work: Workspace, run: RunFile, lock: StateLock, *, resumed: bool) -> RunSummary:
    """Carry out what is left of a run that was planned before, by an earlier process or by `plan --out`."""
    with _recorded(run, work.stop):
        recent = await work.recent()
        async with work.connect(lock.holder) as fleet:
            targets = await run.off_loop(run.pending_targets)
            await fleet.caller(near=next((target.region for target in targets), ""))
            planner = Planner(run, fleet, work.ui, recent, Replanning(resumed))
            await planner.plan(targets, width=work.settings.run.max_targets_in_flight)
            if resumed:
                return await execute(work, run, fleet, resumed=True)
            return await _approve_and_execute(work, run, fleet)


def _as_started(work: Workspace, run: RunFile) -> Workspace:
    """The workspace with the flags that the run was started with."""
    if run.meta("estate") != work.settings.estate:
        raise UsageError(
            f"{run.path} belongs to estate {run.meta('estate')!r}, and the config says {work.settings.estate!r}; "
            "use the config that it was made with: --config FILE"
        )
    flags: dict[str, Any] = {name: bool(run.meta(name)) for name in ("skip_invalid", "replace", "prune", "sandbox")}
    flags["sandbox"] = flags["sandbox"] or work.options.sandbox
    filters = {name: tuple(run.meta(name, default=())) for name in ("accounts", "not_accounts", "regions")}
    if work.filters and work.filters != Filters(**filters):
        raise UsageError(f"{run.path} was planned without {work.filters}; make another plan with it")
    flags.update(filters)
    return Workspace(replace(work.options, **flags), work.ui, work.stop)


async def _take_in_offline(work: Workspace, run: RunFile, manifests: Sequence[str]) -> None:
    """Read all rows before anything is sent, so that invalid ones cost no call."""
    await take_in(work, run, manifests, work.rules(), work.ui)
    require_rows(run, skip_invalid=work.options.skip_invalid)


async def _plan(work: Workspace, run: RunFile, fleet: Fleet, manifests: Sequence[str]) -> None:
    """Settle the targets, observe, diff, and ask safety and plugins."""
    caller, targets = await settle(work, run, fleet, manifests)
    run.set_meta(status="planning", account=caller.account)
    planner = Planner(run, fleet, work.ui, await work.recent())
    await planner.plan(targets, width=work.settings.run.max_targets_in_flight)
    require_rows(run, skip_invalid=work.options.skip_invalid)
    check_refused(planner.unreachable, run.action_counts()[0], work.tolerance)
    if work.options.prune:
        check_complete(run.invalid_count())
        check_prune(work.settings.estate, run.action_counts()[1], planner.owned, work.settings.prune)
    await run.off_loop(partial(veto, run, work.registry, work.ui))


async def _approve_and_execute(work: Workspace, run: RunFile, fleet: Fleet) -> RunSummary:
    if _has_changes(run) and not await work.ui.confirm(run):
        run.set_meta(status="declined")
        raise DeclinedError("not approved; nothing was changed")
    return await execute(work, run, fleet, resumed=False)


def _has_changes(run: RunFile) -> bool:
    counts = run.plan_counts().values()
    return any(count for of_target in counts for kind, count in of_target.items() if kind is not ActionKind.NONE)


@contextmanager
def _recorded(run: RunFile, stop: Stop) -> Iterator[None]:
    """Leave in the run file how the run ended, unless it ended well; a stop before the first change is an interrupt."""
    try:
        with unwrapped():
            yield
    except StopRequestedError:
        raise RunInterruptedError(str(run.meta("id")), code=stop.exit_code) from None
    except BulkprofError as error:
        if not isinstance(error, DeclinedError | StateError) and run.meta("status") in NOTHING_SENT:
            run.set_meta(status="refused", error=str(error))
        raise
