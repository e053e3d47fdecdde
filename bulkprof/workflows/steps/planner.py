"""Observes and plans a run's targets, one by one: nothing but counters lives in memory for a whole run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import anyio.to_thread

from bulkprof.catalog.entries import route_key
from bulkprof.engine.concurrency import side_by_side
from bulkprof.engine.targets import OpenTarget
from bulkprof.errors import AwsError, InvalidRequestError, NotFoundError
from bulkprof.manifests.workbooks.places import located
from bulkprof.model import Action, ActionKind, ObservedProfile, Problem, Target
from bulkprof.planning.caps import count_capped
from bulkprof.planning.diff import DiffRules, diff, is_disowned, owner, twins
from bulkprof.planning.observe import look_up, observe, to_confirm, with_tags_confirmed
from bulkprof.planning.unwanted import left_over, with_old_names
from bulkprof.profiles.catalogue import to_resolve
from bulkprof.profiles.quota import quota_warning
from bulkprof.reports.progress import Busiest
from bulkprof.reports.unreachable_targets import blocks
from bulkprof.stop import StopRequestedError
from bulkprof.store.history.recent import RecentChanges, RecentRuns
from bulkprof.store.run import RunFile
from bulkprof.ui import Ui
from bulkprof.workflows.steps.connection import Connection
from bulkprof.workflows.steps.replan import Replanning, refuse_target, save_plan
from bulkprof.workflows.steps.seen import Seen

if TYPE_CHECKING:
    from bulkprof.workflows.fleet.fleet import Fleet

TWINS_SHOWN = 5
"""Names with more than one profile that are told one by one."""


@dataclass(slots=True)
class Planner:
    """Observes and plans targets, and counts what it sees."""

    run: RunFile
    connection: Connection
    ui: Ui
    recent: RecentRuns
    again: Replanning | None = None
    whole: bool = True
    """Whether the run has all rows of its targets: only then is a profile unwanted that no row asks for."""
    fleet: Fleet | None = None
    """What does it elsewhere; None for this process."""
    seen: Seen = field(default_factory=Seen)
    targets: Sequence[Target] = ()
    """Those that were to be looked at."""
    lost: bool = False
    """Whether the run knows of names that a replacement left without a profile."""

    async def plan(self, targets: Sequence[Target], *, width: int) -> None:
        """Plan `targets`, at most `width` at once.

        A target that can't be observed fails its rows and leaves the others alone; when none can, its error is
        raised. Raises `StopRequestedError` when the run stops meanwhile.
        """
        await self.settle()
        self.targets = targets
        if self.fleet is None:
            await self.observe(targets, width=width)
        else:
            self.seen = await self.fleet.plan(self.run, targets, recent=self.recent, again=self.again, whole=self.whole)
        await self._conclude()

    async def settle(self) -> None:
        """Wait until lists show what earlier runs may have sent without recording it."""
        if self.recent.unsettled_s > 0:
            self.ui.note(f"waiting {self.recent.unsettled_s:.0f} s until AWS's lists show what the last run sent")
            await self.connection.traffic.stop.pause(self.recent.unsettled_s)
            await anyio.to_thread.run_sync(self.recent.waited)

    async def observe(self, targets: Sequence[Target], *, width: int) -> None:
        """Observe and plan `targets` here. Raises `StopRequestedError` when the run stops meanwhile."""
        self.connection.traffic.telemetry.begins("plan")
        self.lost = bool(await self.run.off_loop(self.run.lost))
        stopped: list[StopRequestedError] = []

        async def one(target: Target) -> None:
            try:
                await self._plan_target(target)
            except AwsError as error:
                error.where = error.where or str(target)
                self.seen.errors[target] = error
                refused = await self.run.off_loop(partial(refuse_target, self.run, target, error, self.again))
                # Not in one expression: others count while this one waits.
                self.seen.unreachable += refused
            except StopRequestedError as stop:
                stopped.append(stop)
            progress.step()

        self.ui.at_work(Busiest(self.connection.lanes, self.connection.rate))
        with self.ui.progress("observing targets", len(targets)) as progress:
            if not await side_by_side(targets, width, self.connection.traffic, one) or stopped:
                raise StopRequestedError

    def tell_unreachable(self, targets: Sequence[Target]) -> None:
        """Tell which of `targets` couldn't be observed, and why."""
        if len(targets) > 1:
            for block in blocks(self.seen.errors, self.connection.sessions.trust_needed()):
                self.ui.warn(block)

    async def _conclude(self) -> None:
        """Tell and note what was seen, wherever it was. Raises the error of the targets where none was observed."""
        errors = self.seen.errors
        self.tell_unreachable(self.targets)
        if len(self.targets) > 1:
            self.run.note(unreachable=tuple((target.account, target.region) for target in errors))
        if errors and len(errors) == len(self.targets):
            raise next(iter(errors.values()))
        if self.seen.routes:
            known = self.run.details()
            self.run.note(models={**known.models, **self.seen.models}, routes={**known.routes, **self.seen.routes})
        # A row that is left out may want a profile that looks unwanted.
        if self.again is None and not await self.run.off_loop(self.run.invalid_count):
            self.run.note(unwanted=self.seen.left, unwanted_first=tuple(self.seen.left_first))
        await self.run.off_loop(self.run.drop_invalid)

    async def _plan_target(self, target: Target) -> None:
        rules = self.connection.rules
        # All at once: handing over to a thread and back costs more than what is read there.
        wanted, changed = await self.run.off_loop(lambda: (self.run.wanted(target), self.recent.of(target)))
        async with self.connection.open(target) as opened:
            resolvable = await _leave_out_unknown_models(self.run, opened, wanted, rules, self.ui)
            self._note_models(
                opened, target.region, (action for action in resolvable if not is_disowned(action, rules))
            )
            try:
                observed, actions = await self._compare(opened, target, resolvable, changed)
            except NotFoundError:
                # Something is listed and yet not to be found: too new, or deleted a moment ago. Lists catch up.
                await self.connection.traffic.stop.pause(self.recent.settle_s)
                observed, actions = await self._compare(opened, target, resolvable, changed)
            left = left_over(actions, observed, rules) if self.whole else []
            if left:
                actions = await self.run.off_loop(partial(with_old_names, actions, left, opened.resolve, rules))
            if warning := await quota_warning(
                opened.api, opened.lane.call, target, len(observed), actions, beside=bool(rules.retirement.until)
            ):
                self.ui.warn_of(target, warning)
        self.seen.owned[target.account] += sum(1 for profile in observed if owner(profile, rules) == rules.estate)
        for kind, count in count_capped(actions, observed, rules):
            self.seen.capped[kind][target.account] += count
        if not rules.prune:
            self.seen.take_left(target, left)
        if found := twins(actions, observed, rules):
            self.ui.warn_of(target, _twins_line(found))
        there = {profile.arn: profile.name for profile in observed}
        await self.run.off_loop(partial(save_plan, self.run, target, actions, there, self.again))
        if self.lost:
            kept = [action for action in actions if not is_disowned(action, rules)]
            await self.run.off_loop(partial(_forget_whole, self.run, target, kept, there, pruned=rules.prune))

    def _note_models(self, opened: OpenTarget, region: str, wanted: Iterable[Action]) -> None:
        for name in {to_resolve(action) for action in wanted}:
            source = opened.resolve(name)
            _, is_system, identity = source.arn.partition(":inference-profile/")
            if is_system and source.model_arns:
                self.seen.routes[route_key(region, identity)] = sorted(source.model_arns)
                if source.model_id:
                    self.seen.models[identity] = source.model_id

    async def _compare(
        self, opened: OpenTarget, target: Target, wanted: list[Action], changed: RecentChanges
    ) -> tuple[list[ObservedProfile], list[Action]]:
        """What exists and what is to be done. Tags that decide a change are confirmed one by one."""
        rules = self.connection.rules
        observed = await self._observe(opened, {action.name for action in wanted}, changed)
        actions = list(diff(target, wanted, observed, opened.resolve, rules))
        confirmed: set[str] = set()
        # What is confirmed may lead to another plan, which needs more of it.
        while arns := [arn for arn in to_confirm(actions, observed) if arn not in confirmed]:
            confirmed.update(arns)
            observed = await with_tags_confirmed(opened.api, opened.lane.call, observed, arns)
            actions = list(diff(target, wanted, observed, opened.resolve, rules))
        return observed, actions

    async def _observe(
        self, opened: OpenTarget, names: Collection[str], changed: RecentChanges
    ) -> list[ObservedProfile]:
        """What exists, with what the last runs did before AWS's lists may show it."""
        owned = self.connection.rules.prune
        observed = await observe(opened.api, opened.lane.call, names, owned=owned, others=True)
        listed = {profile.arn for profile in observed}
        unlisted = [arn for name, arn in changed.made.items() if name in names and arn not in listed]
        try:
            if unlisted:
                observed.extend(await look_up(opened.api, opened.lane.call, unlisted))
        except NotFoundError:
            # Deleted by another program, or not to be found yet: only time can tell.
            await self.connection.traffic.stop.pause(self.recent.left_s)
            observed = await observe(opened.api, opened.lane.call, names, owned=owned, others=True)
        there = [profile for profile in observed if profile.arn not in changed.deleted]
        doubtful = [
            each.arn
            for each in there
            if (each.arn in changed.retagged and (owned or each.name in names))
            or (each.arn in changed.tagged and owned and each.tags is None)
        ]
        return await with_tags_confirmed(opened.api, opened.lane.call, there, doubtful)


def _forget_whole(
    run: RunFile, target: Target, actions: Iterable[Action], there: Mapping[str, str], *, pruned: bool
) -> None:
    """Take names that have a profile off the list of those without, and unwanted ones where all is looked at."""
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


async def _leave_out_unknown_models(
    run: RunFile, opened: OpenTarget, wanted: list[Action], rules: DiffRules, ui: Ui
) -> list[Action]:
    """The actions whose model the target has; the others' rows become invalid. What is let go of needs none."""
    good, problems = [], []
    verdicts: dict[str, InvalidRequestError | None] = {}
    for action in wanted:
        if is_disowned(action, rules):
            good.append(action)
            continue
        source = to_resolve(action)
        if source not in verdicts:
            try:
                opened.resolve(source)
                verdicts[source] = None
            except InvalidRequestError as error:
                verdicts[source] = error
        refusal = verdicts[source]
        if refusal is None:
            good.append(action)
        else:
            message = f"{refusal.message} ({action.target})"
            problems.append(Problem(message, action.file, action.line, "model", action.model, row=action.row))
    if problems:
        await run.off_loop(partial(run.add_problems, problems))
        sheets = run.details().sheets
        for problem in problems:
            ui.problem(located(problem, sheets))
        ui.problems_end()
    return good
