"""One action, carried to its outcome: creations, tags, replacements, deletions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from bulkprof.engine.create import ActionContext
from bulkprof.engine.lane import LaneClosedError
from bulkprof.engine.outcomes import without_call
from bulkprof.engine.replace import Replacement
from bulkprof.engine.retry import UNTIL_FREE
from bulkprof.errors import AwsError, ConflictError
from bulkprof.model import Action, ActionKind, Outcome, OutcomeKind
from bulkprof.profiles.operations import Operation


@dataclass(slots=True)
class Performer(ActionContext):
    """Carries actions of one target to their outcomes."""

    async def perform(self, action: Action) -> Outcome:
        """Do what the action says. AWS's errors become outcomes; `StopRequestedError` leaves the action open."""
        work = _Work(self, action)
        try:
            return await work.run(action)
        except (AwsError, LaneClosedError) as error:
            return work.failed(error)


class _Work(Replacement):
    """One action on its way."""

    async def run(self, action: Action) -> Outcome:
        if (outcome := without_call(action)) is not None:
            return replace(outcome, attempts=self.attempts)
        match action.kind:
            case ActionKind.CREATE:
                return await self.create(action)
            case ActionKind.UPDATE | ActionKind.ADOPT:
                return await self.retag(action)
            case ActionKind.REPLACE:
                return await (self.supersede(action) if self.context.retirement.until else self.replace(action))
        # What is left is a deletion: nothing to do ended above.
        await self.delete(action.arn)
        return self.outcome(OutcomeKind.DELETED, action.arn)

    async def create(self, action: Action) -> Outcome:
        made = await self.make(action)
        if isinstance(made, str):
            return self.outcome(OutcomeKind.CREATED, made)
        again = self.context.replan(action, made.found)
        if again.kind is ActionKind.NONE and again.refusal is None:
            ours = made.in_doubt or self.begun_before
            return self.outcome(OutcomeKind.CREATED if ours else OutcomeKind.UNCHANGED, again.arn)
        if again.kind is ActionKind.REPLACE and again.refusal is None:
            # The plan that people were shown deletes nothing here.
            raise ConflictError(f"{again.arn} took this name since the plan and differs ({again.reason}); run it again")
        return await self.run(again)

    async def retag(self, action: Action) -> Outcome:
        # Removed first: a profile may have 50 tags, and the new ones may need the room.
        if action.remove_tags:
            untag = partial(self.context.api.untag, action.arn, action.remove_tags)
            await self.call(Operation.UNTAG, untag, retry_on=UNTIL_FREE)
        if action.set_tags:
            await self.call(
                Operation.TAG, partial(self.context.api.tag, action.arn, action.set_tags), retry_on=UNTIL_FREE
            )
        kind = OutcomeKind.ADOPTED if action.kind is ActionKind.ADOPT else OutcomeKind.UPDATED
        return self.outcome(kind, action.arn)
