"""The steps between rows and changes: observe and plan the targets, and ask plugins whether the plan may run.

Each works target by target on the run file, so that nothing but counters lives in memory for a whole run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

import anyio.to_thread

from bulkprof.engine.concurrency import side_by_side
from bulkprof.engine.engine import OpenTarget
from bulkprof.engine.outcomes import closed_outcome, without_call
from bulkprof.engine.targets import Fleet
from bulkprof.errors import AwsError, InvalidRequestError, NotFoundError, SafetyError
from bulkprof.model import (
    Action,
    ActionKind,
    ObservedProfile,
    Outcome,
    OutcomeKind,
    Problem,
    Refusal,
    Target,
)
from bulkprof.planning.diff import PRUNED, diff, owner, twins
from bulkprof.planning.observe import look_up, observe, to_confirm, with_tags_confirmed
from bulkprof.plugins import PlanOverview
from bulkprof.plugins.registry import Registry
from bulkprof.profiles.quota import quota_warning
from bulkprof.reports.unreachable_targets import blocks
from bulkprof.stop import StopRequestedError
from bulkprof.store.recent import Lately, RecentRuns
from bulkprof.store.run import RunFile
from bulkprof.text.printable import printable_lines
from bulkprof.ui import Ui

TWINS_SHOWN = 5
"""Names with more than one profile that are told one by one."""


@dataclass(frozen=True, slots=True)
class Replanning:
    """How a plan that was approved before is brought up to date: nothing is added to what was approved."""

    resumed: bool
    """An earlier process may have carried out part of it, so what exists now may be its work."""


@dataclass(slots=True)
class Planner:
    """Observes and plans targets, and counts what it sees."""

    run: RunFile
    fleet: Fleet
    ui: Ui
    recent: RecentRuns
    again: Replanning | None = None
    owned: Counter[str] = field(default_factory=Counter)
    """Profiles that exist and carry the estate's ownership tag, by account (where pruning looks at all of them)."""
    unwanted: Counter[str] = field(default_factory=Counter)
    """Those of them that pruning deletes, by account: what the caps are about."""
    errors: dict[Target, AwsError] = field(default_factory=dict)
    """The targets that couldn't be observed."""
    unreachable: int = 0
    """The desired profiles of those targets."""
    targets: Sequence[Target] = ()
    """Those that were to be looked at."""
    lost: bool = False
    """Whether the run knows of names that a replacement left without a profile."""

    async def plan(self, targets: Sequence[Target], *, width: int) -> None:
        """Plan `targets`, at most `width` at once.

        A target that can't be observed fails its rows and leaves the others alone; when none can, its error is
        raised. Raises `StopRequestedError` when the run stops meanwhile.
        """
        if self.recent.unsettled_s > 0:
            self.ui.note(f"waiting {self.recent.unsettled_s:.0f} s until AWS's lists show what the last run sent")
            await self.fleet.traffic.stop.pause(self.recent.unsettled_s)
            await anyio.to_thread.run_sync(self.recent.waited)
        self.targets = targets
        self.lost = bool(await self.run.off_loop(self.run.lost))
        stopped: list[StopRequestedError] = []

        async def one(target: Target) -> None:
            try:
                await self._plan_target(target)
            except AwsError as error:
                error.where = error.where or str(target)
                self.errors[target] = error
                refused = await self.run.off_loop(partial(_refuse_target, self.run, target, error, self.again))
                # Not in one expression: others count while this one waits.
                self.unreachable += refused
            except StopRequestedError as stop:
                stopped.append(stop)
            progress.step()

        with self.ui.progress("observing targets", len(targets)) as progress:
            if not await side_by_side(targets, width, self.fleet.traffic, one) or stopped:
                raise StopRequestedError
        if len(targets) > 1:
            for block in blocks(self.errors, self.fleet.sessions.trust_needed()):
                self.ui.warn(block)
            self.run.set_meta(unreachable=[(target.account, target.region) for target in self.errors])
        if self.errors and len(self.errors) == len(targets):
            raise next(iter(self.errors.values()))
        await self.run.off_loop(self.run.drop_invalid)

    async def _plan_target(self, target: Target) -> None:
        rules = self.fleet.rules
        # All at once: handing over to a thread and back costs more than what is read there.
        wanted, lately = await self.run.off_loop(lambda: (self.run.wanted(target), self.recent.of(target)))
        async with self.fleet.open(target) as opened:
            resolvable = await _leave_out_unknown_models(self.run, opened, wanted, self.ui)
            try:
                observed, actions = await self._compare(opened, target, resolvable, lately)
            except NotFoundError:
                # Something is listed and yet not to be found: too new, or deleted a moment ago. Lists settle.
                await self.fleet.traffic.stop.pause(self.recent.settle_s)
                observed, actions = await self._compare(opened, target, resolvable, lately)
            if warning := await quota_warning(
                opened.api, opened.lane.call, target, len(observed), actions, beside=bool(rules.retirement.until)
            ):
                self.ui.warn_of(target, warning)
        self.owned[target.account] += sum(1 for profile in observed if owner(profile, rules) == rules.estate)
        self.unwanted[target.account] += sum(1 for action in actions if action.reason in PRUNED)
        if found := twins(actions, observed, rules):
            self.ui.warn_of(target, _twins_line(found))
        there = {profile.arn: profile.name for profile in observed}
        await self.run.off_loop(partial(_save, self.run, target, actions, there, self.again))
        if self.lost:
            await self.run.off_loop(partial(_forget_whole, self.run, target, actions, there, pruned=rules.prune))

    async def _compare(
        self, opened: OpenTarget, target: Target, wanted: list[Action], lately: Lately
    ) -> tuple[list[ObservedProfile], list[Action]]:
        """What exists and what is to be done. Tags that decide a change are confirmed one by one."""
        rules = self.fleet.rules
        observed = await self._observe(opened, {action.name for action in wanted}, lately)
        actions = list(diff(target, wanted, observed, opened.resolve, rules))
        confirmed: set[str] = set()
        # What is confirmed may lead to another plan, which needs more of it.
        while arns := [arn for arn in to_confirm(actions, observed) if arn not in confirmed]:
            confirmed.update(arns)
            observed = await with_tags_confirmed(opened.api, opened.lane.call, observed, arns)
            actions = list(diff(target, wanted, observed, opened.resolve, rules))
        return observed, actions

    async def _observe(self, opened: OpenTarget, names: Collection[str], lately: Lately) -> list[ObservedProfile]:
        """What exists, with what the last runs did before AWS's lists may show it."""
        owned = self.fleet.rules.prune
        observed = await observe(opened.api, opened.lane.call, names, owned=owned)
        listed = {profile.arn for profile in observed}
        unlisted = [arn for name, arn in lately.made.items() if name in names and arn not in listed]
        try:
            if unlisted:
                observed.extend(await look_up(opened.api, opened.lane.call, unlisted))
        except NotFoundError:
            # Deleted by somebody else, or not to be found yet: only time can tell.
            await self.fleet.traffic.stop.pause(self.recent.left_s)
            observed = await observe(opened.api, opened.lane.call, names, owned=owned)
        there = [profile for profile in observed if profile.arn not in lately.deleted]
        doubtful = [
            each.arn
            for each in there
            if (each.arn in lately.retagged and (owned or each.name in names))
            or (each.arn in lately.tagged and owned and each.tags is None)
        ]
        return await with_tags_confirmed(opened.api, opened.lane.call, there, doubtful)


def _save(
    run: RunFile, target: Target, actions: list[Action], there: Collection[str], again: Replanning | None
) -> None:
    """Write a target's plan; `there` are the ARNs that exist."""
    if again is not None:
        before = {action.id: action for action in run.wanted(target)}
        approved = {action.arn for action in run.deletions(target)}
        # A replacement that was cut short between its halves ends with the deletion of the old profile.
        approved |= {each.arn for each in before.values() if each.kind is ActionKind.REPLACE and each.refusal is None}
        if again.resumed:
            gone = [each for each in run.deletions(target) if each.arn not in there]
            run.record([*done_before(before, actions), *(closed_outcome(each, OutcomeKind.DELETED) for each in gone)])
        actions = [
            only_approved(before.get(action.id), action) for action in actions if action.id or action.arn in approved
        ]
    run.save_plan(actions, anew=target)


def _forget_whole(
    run: RunFile, target: Target, actions: Iterable[Action], there: Mapping[str, str], *, pruned: bool
) -> None:
    """Take names off the list of those without a profile that have one, or that nobody wants where all is looked at."""
    wanted = {action.name for action in actions if action.kind is not ActionKind.DELETE}

    # Lists have had their time since the run that noted it: the old profile counts, too, where it was never deleted.
    whole = set(there.values())
    run.is_whole(
        target, [each.name for each in run.lost(target) if each.name in whole or (pruned and each.name not in wanted)]
    )


def _twins_line(found: Mapping[str, Sequence[str]]) -> str:
    named = "; ".join(f"{name!r}: {', '.join(arns)}" for name, arns in islice(sorted(found.items()), TWINS_SHOWN))
    more = f"; and {len(found) - TWINS_SHOWN} names more" if len(found) > TWINS_SHOWN else ""
    return (
        f"{len(found)} wanted names have another profile of this estate beside the one that is kept ({named}{more}); "
        "they are left alone: `sync --prune` deletes them, under the caps"
    )


_DONE = {
    ActionKind.CREATE: OutcomeKind.CREATED,
    ActionKind.UPDATE: OutcomeKind.UPDATED,
    ActionKind.ADOPT: OutcomeKind.ADOPTED,
    ActionKind.REPLACE: OutcomeKind.REPLACED,
}


def done_before(before: Mapping[int, Action], now: Iterable[Action]) -> Iterator[Outcome]:
    """What an earlier process of this run carried out without living to record it.

    There was something to do when the run was planned, and now everything is there as wanted, with our ownership tag.
    """
    for action in now:
        planned = before.get(action.id)
        if planned is None or action.kind is not ActionKind.NONE or action.refusal is not None:
            continue
        replaced = planned.kind is ActionKind.REPLACE
        if planned.kind not in _DONE or (planned.refusal is not None and planned.kind is not ActionKind.CREATE):
            continue
        if not replaced or planned.arn != action.arn:
            yield replace(closed_outcome(action, _DONE[planned.kind]), old_arn=planned.arn if replaced else "")


STALE_PLAN = "StalePlan"
"""The error code of actions that would change more than what was approved."""


def only_approved(before: Action | None, now: Action) -> Action:
    """The action as it is now, refused when it would change more than what was approved."""
    harmless = (ActionKind.NONE, ActionKind.CREATE)
    if before is None or now.refusal is not None or now.kind in harmless:
        return now
    # An adoption that was cut short has set the ownership tag, and goes on as an update.
    same = now.kind is before.kind or (before.kind, now.kind) == (ActionKind.ADOPT, ActionKind.UPDATE)
    if same and (before.refusal is None or before.refusal.code != STALE_PLAN):
        return now
    refusal = Refusal(STALE_PLAN, f"the profile changed since the plan ({now.reason}); make a new plan")
    return replace(now, refusal=refusal)


async def _leave_out_unknown_models(run: RunFile, opened: OpenTarget, wanted: list[Action], ui: Ui) -> list[Action]:
    """The actions whose model the target has; the others' rows become invalid."""
    good, problems = [], []
    verdicts: dict[str, InvalidRequestError | None] = {}
    for action in wanted:
        if action.source not in verdicts:
            try:
                opened.resolve(action.source)
                verdicts[action.source] = None
            except InvalidRequestError as error:
                verdicts[action.source] = error
        refusal = verdicts[action.source]
        if refusal is None:
            good.append(action)
        else:
            place = {"file": action.file, "line": action.line, "column": "model", "value": action.model}
            problems.append(Problem(f"{refusal.message} ({action.target})", **place))  # type: ignore[arg-type]
    if problems:
        await run.off_loop(partial(run.add_problems, problems))
        for problem in problems:
            ui.problem(problem)
    return good


def _refuse_target(run: RunFile, target: Target, error: AwsError, again: Replanning | None) -> int:
    """Fail all rows of a target with the reason; answers how many.

    What an earlier process of the run may have sent is unknown, since it can't be looked up.
    """
    wanted = run.wanted(target)
    begun = run.begun(target) if again is not None and again.resumed else 0
    lost = {each.name for each in run.lost(target)}

    def refused(action: Action) -> Action:
        settled = without_call(action)
        maybe_sent = action.id <= begun and (settled is None or settled.kind is OutcomeKind.UNKNOWN)
        outcome = OutcomeKind.UNKNOWN if maybe_sent else OutcomeKind.FAILED
        # What a replacement has deleted, or may have, is no ARN to be shown any more.
        arn = "" if action.name in lost else action.arn
        return replace(action, arn=arn, reason=str(error), refusal=Refusal(error.code, str(error), outcome))

    # Kinds and deletions that were approved before stay, so that a later `resume` can still carry them out.
    run.save_plan(refused(each) for each in [*wanted, *run.deletions(target)])
    return len(wanted)


def veto(run: RunFile, registry: Registry, ui: Ui) -> None:
    """Ask plugins whether the plan may run; call it off the loop.

    Raises `SafetyError` with what they object to.
    """
    counts = run.plan_counts()
    totals: dict[ActionKind, int] = {}
    for of_target in counts.values():
        for kind, count in of_target.items():
            totals[kind] = totals.get(kind, 0) + count
    overview = PlanOverview(
        run_id=str(run.meta("id")),
        command=str(run.meta("command")),
        estate=str(run.meta("estate")),
        counts=totals,
        targets=counts,
        actions=run.actions,
    )
    objections = []
    for plugin, answer in registry.gather("bulkprof_check_plan", overview):
        for problem in answer:
            if problem.is_error:
                objections.append(f"  {problem} (plugin {plugin!r})")
            else:
                ui.warn(f"{problem} (plugin {plugin!r})")
    if objections:
        raise SafetyError(printable_lines(["the plan was vetoed and nothing was changed:", *objections]))
