"""From a target's plan to its rows in the run file, also where a plan was approved before: then nothing is added to it.

An earlier process may have carried part of it out without living to record that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from bulkprof.engine.outcomes import closed_outcome, without_call
from bulkprof.errors import AwsError
from bulkprof.model import Action, ActionKind, Outcome, OutcomeKind, Refusal, Target
from bulkprof.store.run import RunFile

STALE_PLAN = "StalePlan"
"""The error code of actions that would change more than what was approved."""
_DONE = {
    ActionKind.CREATE: OutcomeKind.CREATED,
    ActionKind.UPDATE: OutcomeKind.UPDATED,
    ActionKind.ADOPT: OutcomeKind.ADOPTED,
    ActionKind.REPLACE: OutcomeKind.REPLACED,
}


@dataclass(frozen=True, slots=True)
class Replanning:
    """How a plan that was approved before is brought up to date: nothing is added to what was approved."""

    resumed: bool
    """An earlier process may have carried out part of it, so what exists now may be its work."""


def save_plan(
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


def refuse_target(run: RunFile, target: Target, error: AwsError, again: Replanning | None) -> int:
    """Fail all rows of a target with the reason; and return how many.

    What an earlier process of the run may have sent is unknown, since it can't be looked up.
    """
    wanted = run.wanted(target)
    begun = run.begun(target) if again is not None and again.resumed else 0
    lost = {each.name for each in run.lost(target)}

    def refused(action: Action) -> Action:
        outcome_now = without_call(action)
        maybe_sent = action.id <= begun and (outcome_now is None or outcome_now.kind is OutcomeKind.UNKNOWN)
        outcome = OutcomeKind.UNKNOWN if maybe_sent else OutcomeKind.FAILED
        # What a replacement has deleted, or may have, is no ARN to be shown any more.
        arn = "" if action.name in lost else action.arn
        return replace(action, arn=arn, reason=str(error), refusal=Refusal(error.code, str(error), outcome))

    # Kinds and deletions that were approved before stay, so that a later `resume` can still carry them out.
    run.save_plan(refused(each) for each in [*wanted, *run.deletions(target)])
    return len(wanted)


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
