"""One profile in the place of another: new before old where names allow, and never a name left without either.

Where AWS takes two profiles of one name, the old one gets the tag of a replaced profile, the new one is made beside it,
and the old one is deleted: whatever ends the run, the tag tells which of the two is the left-over.

Where names are unique the old one has to go first, and then its name is *open*: without a profile until the new one is
made. So a deletion is noted in the run's file before it is sent, few names of a target are open at once, and what has
been begun is carried through whatever closes the target meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from bulkprof.engine.create import Creation, Found, doubtful
from bulkprof.engine.lane import LaneClosedError
from bulkprof.engine.retry import UNTIL_FREE
from bulkprof.errors import AmbiguousError, AwsError, ConflictError, NotFoundError
from bulkprof.model import EMPTY, Action, ActionKind, ObservedProfile, Outcome, OutcomeKind
from bulkprof.profiles.operations import Operation
from bulkprof.stop import StopRequestedError

PATIENCE = 2
"""Conflicts that may pass by themselves before a name counts as taken by the profile that is to be kept."""
DOUBTS = 1
"""The same, before names count as unique in a target and the old profile has to go first."""


class Replacement(Creation):
    """The part of an action's work that puts one profile in the place of another."""

    async def replace(self, action: Action, *, gone: bool = False) -> Outcome:
        """New before old, so that there is always one; where names are unique the old one has to go first.

        `gone` says that the old one isn't there any more, as far as AWS shows.
        """
        async with self.context.open_names.replacing():
            # It may have been long until its turn.
            await self.context.lane.traffic.stop.pause(0)
            self.context.lane.require_open(Operation.CREATE)
            unique = self.context.open_names.unique is True
            marked = not gone and not unique and await self.mark(action)
            try:
                # Also where names are unique: what else AWS has against the new profile shows before the old one goes.
                made = await self.make(action, replaced=action.arn, patience=0 if unique else DOUBTS)
                if isinstance(made, str) or made.found:
                    return await self.end(action, self.same(action, made))
                self.context.open_names.found(unique=True)
                return await self.delete_first(action, made)
            except (AmbiguousError, StopRequestedError):
                raise  # there may be a successor; a mark without one is taken off by the next run
            except (AwsError, LaneClosedError) as error:
                return self.failed(error, note=await self.unmark(action) if marked else "")

    async def end(self, action: Action, arn: str) -> Outcome:
        """The second half where the new profile stands beside the old one."""
        self.halfway = True
        try:
            if await self.delete(action.arn):
                self.context.open_names.found(unique=False)
        except (AwsError, LaneClosedError) as error:
            note = f"the new profile is made, and {action.arn} is still there: "
            return replace(self.failed(error, note=note), arn=arn, old_arn=action.arn)
        return replace(self.outcome(OutcomeKind.REPLACED, arn), old_arn=action.arn)

    async def delete_first(self, action: Action, made: Found) -> Outcome:
        """Delete the old profile and make the new one at once; raises before anything is deleted, or not at all.

        Once the old one is gone, only the time that a stop leaves ends it: then the row stays open, and the run's file
        tells that its name has no profile.
        """
        create = Operation.CREATE
        open_names, lane = self.context.open_names, self.context.lane
        async with open_names.opening():
            # A deletion is sent only when the creation may follow at once, and never after a stop.
            await lane.due(Operation.DELETE, lane.traffic.stop)
            await lane.due(create, lane.traffic.stop)
            lane.require_open(create)
            if self.context.note_open is not None:
                await self.context.note_open(action)
            attempts = self.attempts
            try:
                await lane.traffic.stop.pause(0)
                await self.delete(action.arn)
            except StopRequestedError:
                if self.attempts == attempts and self.context.note_whole is not None:
                    await self.context.note_whole(action)
                raise
            except AmbiguousError as error:
                return self.lost(action, error, note="the old profile may be deleted; ")
            self.halfway = True
            try:
                arn = self.same(action, await self.make(action, replaced=action.arn, in_doubt=made.in_doubt))
            except StopRequestedError:
                open_names.lose(action.name, "the run was stopped")
                raise
            except AmbiguousError as error:
                return self.lost(action, error, note="the old profile is deleted; ")
            except (AwsError, LaneClosedError) as error:
                return await self.undo(action, made.old, error)
        return replace(self.outcome(OutcomeKind.REPLACED, arn), old_arn=action.arn)

    async def undo(self, action: Action, old: ObservedProfile | None, why: AwsError | LaneClosedError) -> Outcome:
        """Make the old profile again, since AWS refuses the new one: its ARN is another one, but callers have one."""
        source = self.context.source_of(old) if old is not None and self.context.source_of is not None else None
        if old is not None and source is not None:
            tags = {key: value for key, value in (old.tags or EMPTY).items() if not key.startswith("aws:")}
            tags.pop(self.context.retirement.tag, None)
            again = replace(action, source_arn=source, description=old.description, tags=tags)
            try:
                arn = await self.make(again, replaced=action.arn)
            except StopRequestedError:
                self.context.open_names.lose(action.name, "the run was stopped")
                raise
            except AmbiguousError as error:
                return self.lost(action, error, note=f"the old profile is deleted and may be made again ({why}); ")
            except (AwsError, LaneClosedError):
                return self.lost(action, why, note="the old profile is deleted, and can't be made again; ")
            if isinstance(arn, str):
                note = f"the old profile is deleted and was made again as it was, as {arn}; "
                return replace(self.failed(why, note=note), arn=arn, old_arn=action.arn)
        return self.lost(action, why, note="the old profile is deleted; ")

    def lost(self, action: Action, error: AwsError | LaneClosedError, *, note: str) -> Outcome:
        """The outcome of an action that leaves its name without a profile, or perhaps does."""
        self.context.open_names.lose(action.name, f"{error.code}: {error}")
        return replace(self.failed(error, note=note), arn="", old_arn=action.arn)

    async def supersede(self, action: Action) -> Outcome:
        """New beside old: the old one stays for a while, and says so before there are two of the name."""
        self.context.lane.require_open(Operation.CREATE)
        if not await self.mark(action):
            return await self.replace(action, gone=True)
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

    async def mark(self, action: Action) -> bool:
        """Tag the old profile as one that is replaced. Returns False where it is gone, or no tag is configured."""
        tags = self.context.retirement.tags
        if not tags:
            return False
        try:
            await self.call(Operation.TAG, partial(self.context.api.tag, action.arn, tags), retry_on=UNTIL_FREE)
        except NotFoundError:
            return False
        return True

    async def unmark(self, action: Action) -> str:
        """Take back that a profile was replaced. Returns what to say where that can't be done."""
        keys = list(self.context.retirement.tags)
        try:
            await self.call(Operation.UNTAG, partial(self.context.api.untag, action.arn, keys), retry_on=UNTIL_FREE)
        except (AwsError, LaneClosedError):
            return f"the tag {self.context.retirement.tag} is left on {action.arn}; "
        self.changed = False
        return ""

    def same(self, action: Action, made: str | Found) -> str:
        """Return the ARN of what was made, or found equal to it. Raises `ConflictError` for a different profile."""
        if isinstance(made, str):
            return made
        again = self.context.replan(action, made.found)
        if again.kind is ActionKind.NONE and again.refusal is None:
            return again.arn
        other = ConflictError(f"another profile took this name: {again.arn}", where=str(action.target))
        raise doubtful(other) if made.in_doubt else other

    async def delete(self, arn: str) -> bool:
        """Delete a profile. Returns whether it was there to be deleted, as far as one can tell.

        Gone is what was asked for: an attempt's answer was lost, or another program was quicker. Raises
        `AmbiguousError` where it may be gone or not: an attempt's answer was lost, and the next ones got another error.
        """
        there = True
        in_doubt = False

        async def send() -> None:
            nonlocal in_doubt
            try:
                await self.context.api.delete(arn)
            except AmbiguousError:
                in_doubt = True
                raise

        for last in (False, True):
            try:
                await self.call(Operation.DELETE, send, retry_on=UNTIL_FREE)
            except NotFoundError:
                there = False
                # A profile may also be too new to be found.
                if not last:
                    await self.stop.pause(self.context.settle_s)
            except AwsError as error:
                raise (doubtful(error) if in_doubt else error) from None
            except LaneClosedError as closed:
                if in_doubt:
                    raise doubtful(AwsError(str(closed), code=closed.code)) from None
                raise
            else:
                there = True
                break
        self.changed = True
        return there
