"""One action, carried to its outcome: creations, tags, replacements, deletions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bulkprof.errors import AmbiguousError, AwsError, ConflictError, NotFoundError
from bulkprof.execution.creation import Creation, Found, Means, doubtful
from bulkprof.execution.lane import LaneClosedError
from bulkprof.execution.outcomes import closed_outcome, without_call
from bulkprof.execution.retry import UNTIL_FREE
from bulkprof.model import Action, ActionKind, ObservedProfile, Outcome, OutcomeKind

PATIENCE = 2
"""Conflicts that may pass by themselves before a name counts as taken by the profile that is to be kept."""
Replan = Callable[[Action, Sequence[ObservedProfile]], Action]
"""Plans one wanted profile anew against what is there under its name."""


@dataclass(slots=True)
class Performer(Means):
    """Carries actions of one target to their outcomes."""

    replan: Replan

    async def perform(self, action: Action) -> Outcome:
        """Do what the action says. AWS's errors become outcomes; `StopRequestedError` leaves the action open."""
        work = _Work(self, action)
        try:
            return await work.run(action)
        except (AwsError, LaneClosedError) as error:
            return work.failed(error)


class _Work(Creation):
    """One action on its way."""

    def __init__(self, by: Performer, action: Action) -> None:
        super().__init__(by, action)
        self.by = by
        self.action = action

    async def run(self, action: Action) -> Outcome:
        if (settled := without_call(action)) is not None:
            return replace(settled, attempts=self.attempts)
        match action.kind:
            case ActionKind.CREATE:
                return await self.create(action)
            case ActionKind.UPDATE | ActionKind.ADOPT:
                return await self.retag(action)
            case ActionKind.REPLACE:
                return await (self.supersede(action) if self.by.retirement.until else self.replace(action))
        # What is left is a deletion: nothing to do was settled above.
        await self.delete(action.arn)
        return self.outcome(OutcomeKind.DELETED, action.arn)

    async def create(self, action: Action) -> Outcome:
        made = await self.make(action)
        if isinstance(made, str):
            return self.outcome(OutcomeKind.CREATED, made)
        again = self.by.replan(action, made.found)
        if again.kind is ActionKind.NONE and again.refusal is None:
            ours = made.in_doubt or self.begun_before
            return self.outcome(OutcomeKind.CREATED if ours else OutcomeKind.UNCHANGED, again.arn)
        if again.kind is ActionKind.REPLACE and again.refusal is None:
            # Nobody was shown a plan that deletes something here.
            raise ConflictError(f"{again.arn} took this name since the plan and differs ({again.reason}); run it again")
        return await self.run(again)

    async def retag(self, action: Action) -> Outcome:
        # Removed first: a profile may have 50 tags, and the new ones may need the room.
        if action.remove_tags:
            untag = partial(self.by.api.untag, action.arn, action.remove_tags)
            await self.call("UntagResource", untag, retry_on=UNTIL_FREE)
        if action.set_tags:
            await self.call("TagResource", partial(self.by.api.tag, action.arn, action.set_tags), retry_on=UNTIL_FREE)
        kind = OutcomeKind.ADOPTED if action.kind is ActionKind.ADOPT else OutcomeKind.UPDATED
        return self.outcome(kind, action.arn)

    async def replace(self, action: Action) -> Outcome:
        """New before old, so that there is always one; where names are unique the old one has to go first."""
        made = await self.make(action, replaced=action.arn, patience=0)
        if not isinstance(made, str) and not made.found:
            await self.delete(action.arn)
            try:
                arn = self.same(action, await self.make(action, replaced=action.arn, in_doubt=made.in_doubt))
            except (AwsError, LaneClosedError) as error:
                return replace(self.failed(error, note="the old profile is deleted; "), arn="", old_arn=action.arn)
        else:
            arn = self.same(action, made)
            await self.delete(action.arn)
        return replace(self.outcome(OutcomeKind.REPLACED, arn), old_arn=action.arn)

    async def supersede(self, action: Action) -> Outcome:
        """New beside old: the old one stays for a while, and says so before there are two of the name."""
        self.by.lane.require_open("CreateInferenceProfile")
        mark = self.by.retirement.tags
        try:
            await self.call("TagResource", partial(self.by.api.tag, action.arn, mark), retry_on=UNTIL_FREE)
        except NotFoundError:
            return await self.replace(action)  # nothing is left to keep
        try:
            made = await self.make(action, replaced=action.arn, patience=PATIENCE)
            if not isinstance(made, str) and not made.found:
                taken = ConflictError(
                    "AWS doesn't take two profiles of one name here, so the old one can't be kept beside a new one; "
                    "set [replace] grace_days = 0 to let it go first, or give the row another name",
                    code="NameTaken",
                    where=str(action.target),
                )
                raise doubtful(taken) if made.in_doubt else taken
            arn = self.same(action, made)
        except AmbiguousError:
            raise  # there may be a successor
        except (AwsError, LaneClosedError) as error:
            return self.failed(error, note=await self.unmark(action))
        return replace(self.outcome(OutcomeKind.REPLACED, arn), old_arn=action.arn)

    async def unmark(self, action: Action) -> str:
        """Take back that a profile was replaced; answers what to say where that can't be done."""
        keys = list(self.by.retirement.tags)
        try:
            await self.call("UntagResource", partial(self.by.api.untag, action.arn, keys), retry_on=UNTIL_FREE)
        except (AwsError, LaneClosedError):
            return f"the tag {self.by.retirement.tag} is left on {action.arn}; "
        self.changed = False
        return ""

    def same(self, action: Action, made: str | Found) -> str:
        """The ARN of what was made, or found equal to it; a stranger of the same name is an error."""
        if isinstance(made, str):
            return made
        again = self.by.replan(action, made.found)
        if again.kind is ActionKind.NONE and again.refusal is None:
            return again.arn
        other = ConflictError(f"another profile took this name: {again.arn}", where=str(action.target))
        raise doubtful(other) if made.in_doubt else other

    async def delete(self, arn: str) -> None:
        """Delete a profile. Gone is what was asked for: an attempt's answer was lost, or somebody else was quicker."""
        for last in (False, True):
            try:
                await self.call("DeleteInferenceProfile", partial(self.by.api.delete, arn), retry_on=UNTIL_FREE)
            except NotFoundError:
                # A profile may also be too new to be found.
                if not last:
                    await self.stop.pause(self.by.settle_s)
            else:
                break
        self.changed = True

    def outcome(self, kind: OutcomeKind, arn: str = "", *, code: str = "", message: str = "") -> Outcome:
        return closed_outcome(self.action, kind, code, message, arn=arn, attempts=self.attempts)

    def failed(self, error: AwsError | LaneClosedError, *, note: str = "") -> Outcome:
        """An ambiguous answer that stayed ambiguous is unknown, never failed; what was never begun is skipped."""
        kind = OutcomeKind.FAILED
        if isinstance(error, AmbiguousError):
            kind = OutcomeKind.UNKNOWN
        elif isinstance(error, LaneClosedError) and not self.changed:
            kind = OutcomeKind.SKIPPED
        message = error.message if isinstance(error, AwsError) else str(error)
        return self.outcome(kind, self.action.arn, code=error.code, message=note + message)
