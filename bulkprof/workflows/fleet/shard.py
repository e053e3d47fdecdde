"""The use case `shard`: a plan is approved, and cut into shares that can be carried out anywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bulkprof.aws.s3_folder import split_s3_folder
from bulkprof.config import is_s3
from bulkprof.errors import AwsError, DeclinedError, StateError, UsageError
from bulkprof.model import Target
from bulkprof.pacing.rates import RateStore
from bulkprof.planning.safety import check_alike
from bulkprof.reports.plan import plan_of
from bulkprof.statuses import UNAPPROVED, RunStatus
from bulkprof.stop import Stop
from bulkprof.store.history.directory import is_run_file, new_seed
from bulkprof.store.run import RunFile
from bulkprof.store.shares.carried import Phase
from bulkprof.system.files import write_text
from bulkprof.system.private import FOLDER_MODE
from bulkprof.system.temporary import temporary_folder
from bulkprof.ui import Ui
from bulkprof.workflows.arguments import for_programs
from bulkprof.workflows.fleet.cutter import Cutter
from bulkprof.workflows.fleet.even import count_for, cut_evenly, seconds_of, share_s
from bulkprof.workflows.fleet.places import INDEX, SHARES, share_file, there_already, upload
from bulkprof.workflows.fleet.share import share_of
from bulkprof.workflows.options import Options, StrPath, check_kind, file_of, path_of
from bulkprof.workflows.steps.connect import recent_runs, wait_for_lists, way_in
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.remote.keeping import Keeper


@dataclass(frozen=True, slots=True)
class ShareEntry:
    """A share, as the index lists it."""

    file: str
    """Its name, in the folder where the index is."""
    targets: int
    profiles: int
    """How many have no outcome yet."""
    estimate_s: float
    """About how many seconds it takes, at the learned rates, or at usual ones where none are known."""


@dataclass(frozen=True, slots=True)
class ShareIndex:
    """The shares of a plan."""

    plan: str
    """The plan's id, which is the run's."""
    shares: tuple[ShareEntry, ...]

    def as_json(self) -> dict[str, Any]:
        """Return what `index.json` holds."""
        return {"plan": self.plan, "shares": [asdict(share) for share in self.shares]}


@for_programs
async def shard(
    plan: StrPath,
    into: StrPath,
    options: Options | None = None,
    ui: Ui | None = None,
    stop: Stop | None = None,
    *,
    count: int | None = None,
    profiles: int | None = None,
) -> ShareIndex:
    """Cut a plan of `plan --out` by target into `count` shares, or into shares of about so many `profiles`.

    They are written into the folder `into`, or below `s3://bucket/prefix/`, with an index. This is the plan's approval:
    it is shown, and the user asked, before anything is written. Raises `DeclinedError`, `SafetyError`, `UsageError`,
    and `RunInterruptedError` when it is stopped before.
    """
    return await cut_plan(plan, into, options, ui, stop, count=count, profiles=profiles)


async def cut_plan(
    plan: StrPath,
    into: StrPath,
    options: Options | None = None,
    ui: Ui | None = None,
    stop: Stop | None = None,
    *,
    count: int | None = None,
    profiles: int | None = None,
    over: bool = False,
) -> ShareIndex:
    """Do what `shard` does. Shares that are in S3 already are written `over` only where it's known that they rest."""
    given, plan, into = file_of(plan, "plan"), path_of(plan, "plan"), file_of(into, "into")
    _check_numbers(count=count, profiles=profiles)
    if is_s3(given):
        raise UsageError(f"{given}: a plan is cut where it is on a disk; fetch it first: aws s3 cp")
    if not plan.is_file():
        raise UsageError(f"{plan}: no such file; `bulkprof plan --out FILE` makes a plan")
    if not is_run_file(plan):
        raise UsageError(f"{plan}: is no plan; `bulkprof plan --out FILE` keeps one")
    if is_s3(into):
        split_s3_folder(into)
    else:
        # Before the user is asked, and once more when they are written.
        _require_free(Path(into))
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    with work.interruptible(), RunFile.look_at(plan) as run:
        await run.off_loop(run.check)
        work = await run.off_loop(partial(_checked, work, run))
        await _approve(work, run)
        await wait_for_lists(work)
        if not is_s3(into):
            return await _cut(work, run, Path(into), count, profiles)
        with temporary_folder() as folder:
            index = await _cut(work, run, folder, count, profiles)
            # The index last: where it is, all that it lists is there.
            await upload(work, [*(folder / share.file for share in index.shares), folder / INDEX], into, over=over)
            return index


def _check_numbers(**numbers: int | None) -> None:
    """Raise `TypeError` or `UsageError` where they don't say how to cut."""
    for name, number in numbers.items():
        check_kind(number, name, int | None, "a number")
        if number is not None and number < 1:
            raise UsageError(f"{name} is a number of at least 1, not {number}")
    if len([number for number in numbers.values() if number is not None]) != 1:
        raise UsageError("say how many shares there shall be, or how many profiles each shall have: one of the two")


def _checked(work: Workspace, run: RunFile) -> Workspace:
    """Return the workspace with the plan's flags: blocks. Raises `UsageError` where it can't be cut."""
    details = run.details()
    if share_of(run):
        raise UsageError(f"{run.path}: is a share already; cut the plan that it is of")
    if details.status is not RunStatus.PLANNED:
        raise UsageError(f"{run.path}: is not a plan that can still be applied (it is {details.status})")
    applied = work.state.present(details.id)
    if applied.exists():
        with RunFile.look_at(applied) as before:
            status = before.details().status
        if status not in UNAPPROVED:
            raise UsageError(f"{run.path}: was applied already as run {details.id}; make a new plan")
    return work.as_started(run)


async def _approve(work: Workspace, run: RunFile) -> None:
    """Ask what `apply` of the plan would ask. Raises `DeclinedError`, `SafetyError`."""
    if not work.options.failure_tolerance:
        errors = await run.off_loop(partial(_errors, run))
        check_alike(errors, await run.off_loop(run.targets))
    found = await run.off_loop(partial(plan_of, run))
    if found.has_changes and not await work.confirm(found):
        raise DeclinedError("not approved; no share was written")


def _errors(run: RunFile) -> dict[Target, AwsError]:
    """Return why targets couldn't be planned, as their rows say it."""
    found: dict[Target, AwsError] = {}
    for place in run.details().unreachable:
        target = Target(*place)
        refusals = (action.refusal for action in run.wanted(target) if action.refusal)
        if (refusal := next(refusals, None)) is not None:
            found[target] = AwsError(refusal.message, code=refusal.code)
    return found


async def _cut(work: Workspace, run: RunFile, into: Path, count: int | None, profiles: int | None) -> ShareIndex:
    """Write shares and index into a folder. Raises `StateError`, `UsageError`."""
    pending = await run.off_loop(run.pending_counts)
    rates = RateStore(work.state.path)
    if work.remote is not None:
        async with way_in(work) as way, way as sessions:
            await Keeper(work, sessions).take(rates)
    if problem := await run.off_loop(rates.load):
        work.ui.warn(problem)

    def rate_of(target: Target, operation: str) -> float | None:
        known = rates.rate(target.account, target.region, operation)
        return known.per_second * (1.0 - work.settings.run.headroom) if known else None

    seconds = {target: seconds_of(target, kinds, rate_of) for target, kinds in pending.items()}
    groups = _groups(work, run, seconds, count or count_for(pending, profiles or 1))
    cutter = Cutter(
        work=work,
        run=run,
        phase=Phase.APPLY,
        of=len(groups),
        recent=await recent_runs(work),
        rates=rates,
        token_seed=new_seed(run.details().id),
    )
    width = work.settings.run.max_targets_in_flight
    index = ShareIndex(
        run.details().id,
        tuple(
            ShareEntry(
                share_file(number),
                targets=len(group),
                profiles=sum(sum(pending[target].values()) for target in group),
                estimate_s=round(share_s([seconds[target] for target in group], width), 1),
            )
            for number, group in enumerate(groups, 1)
        ),
    )
    await run.off_loop(partial(_write, cutter, groups, index, into))
    return index


def _groups(work: Workspace, run: RunFile, seconds: dict[Target, float], count: int) -> list[list[Target]]:
    """Return the targets of each share; a canary has the first one to itself."""
    canary = [target for target in (Target(*place) for place in run.details().canary) if target in seconds]
    if not canary:
        return cut_evenly(seconds, count)
    rest = {target: seconds[target] for target in seconds if target not in canary}
    work.ui.note(f"{share_file(1)} is the canary: apply it first, and the others only if it exits with 0")
    return [sorted(canary), *cut_evenly(rest, max(1, count - 1))]


def _write(cutter: Cutter, groups: Sequence[Sequence[Target]], index: ShareIndex, into: Path) -> None:
    try:
        into.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"{into}: can't be written: {error.strerror}; choose another place") from None
    _require_free(into)
    for number, (share, group) in enumerate(zip(index.shares, groups, strict=True), 1):
        cutter.cut(number, group, into / share.file)
    write_text(into / INDEX, json.dumps(index.as_json(), indent=1) + "\n")


def _require_free(into: Path) -> None:
    """Raise `UsageError` where a folder holds shares."""
    try:
        there = next((path for path in (into / INDEX, *sorted(into.glob(SHARES))) if path.exists()), None)
    except OSError as error:
        raise StateError(f"{into}: can't be read: {error.strerror}; choose another place") from None
    if there is not None:
        raise there_already(there)
