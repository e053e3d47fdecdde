"""One action, carried to its outcome: the protocol that never makes a profile twice.

A creation is sent with a token derived from the run and the profile, so sending it again is harmless while AWS
remembers the token. Where AWS's answer is lost, nobody knows whether the profile exists: the lag of lists is waited
out, the name is looked up, and only if it isn't there the same creation is sent again, with the same token.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol, TypeVar

from bulkprof.errors import AmbiguousError, AwsError, ConflictError, NotFoundError
from bulkprof.execution.lane import Lane, LaneClosedError, LateStop, Stop
from bulkprof.execution.outcomes import closed_outcome, without_call
from bulkprof.execution.retry import CERTAIN, REPEATABLE, UNTIL_FREE, backoff
from bulkprof.model import EMPTY, Action, ActionKind, ObservedProfile, Outcome, OutcomeKind
from bulkprof.planning.observe import Reads, with_tags_confirmed
from bulkprof.planning.quota import ReadsQuota

T = TypeVar("T")

CHANGES = ("CreateInferenceProfile", "DeleteInferenceProfile", "TagResource", "UntagResource")
"""The operations that change anything. All others only settle what is in doubt."""


TO_THE_END_S = 10.0
"""Seconds after a stop in which an action that has changed something may still do the rest."""


class Api(Reads, ReadsQuota, Protocol):
    """All calls of one target that the engine makes (`aws.bedrock.BedrockApi` has them)."""

    async def create(
        self, *, name: str, source_arn: str, description: str | None, tags: Mapping[str, str], token: str
    ) -> str:
        """Create a profile; answers its ARN."""
        ...

    async def delete(self, arn: str) -> None:
        """Delete a profile."""
        ...

    async def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Set tags."""
        ...

    async def untag(self, arn: str, keys: Sequence[str]) -> None:
        """Remove tags."""
        ...


Replan = Callable[[Action, Sequence[ObservedProfile]], Action]
"""Plans one wanted profile anew against what is there under its name."""


def token_for(seed: str, action: Action, dead: str = "") -> str:
    """The idempotency token of a creation: the same for the same run's seed and spec, whichever process sends it.

    `dead` is the ARN that an earlier token was answered with, where that profile is gone.
    """
    spec = [seed, *_identity(action), action.source_arn, action.description, sorted(action.tags.items())]
    if dead:
        spec.append(dead)
    return "bulkprof-" + hashlib.sha256(json.dumps(spec).encode()).hexdigest()[:48]


def _identity(action: Action) -> tuple[str, str, str]:
    return action.target.account, action.target.region, action.name


@dataclass(slots=True)
class Performer:
    """Carries actions of one target to their outcomes."""

    token_seed: str
    """What the run's tokens follow from: its id, and for a plan also its being applied."""
    lane: Lane
    api: Api
    replan: Replan
    settle_s: float
    """Seconds that lists may lag behind creations."""
    begun: int = 0
    """Actions up to this id may have been sent already, by an earlier process of the run."""
    retire: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    """The tags of a replaced profile that is kept for a while; none where it is deleted at once."""
    late_stop: LateStop = field(init=False)

    def __post_init__(self) -> None:
        self.late_stop = LateStop(self.lane.traffic.stop, TO_THE_END_S, self.lane.traffic.clock)

    async def perform(self, action: Action) -> Outcome:
        """Do what the action says. AWS's errors become outcomes; `StopRequestedError` leaves the action open."""
        work = _Work(self, action)
        try:
            return await work.run(action)
        except (AwsError, LaneClosedError) as error:
            return work.failed(error)


class _Work:
    """One action on its way, with the count of its calls."""

    def __init__(self, by: Performer, action: Action) -> None:
        self.by = by
        self.action = action
        self.attempts = 0
        self.changed = False
        self.begun_before = action.id <= by.begun

    async def run(self, action: Action) -> Outcome:
        if (settled := without_call(action)) is not None:
            return replace(settled, attempts=self.attempts)
        match action.kind:
            case ActionKind.CREATE:
                return await self.create(action)
            case ActionKind.UPDATE | ActionKind.ADOPT:
                return await self.retag(action)
            case ActionKind.REPLACE:
                return await (self.supersede(action) if self.by.retire else self.replace(action))
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
        made = await self.make(action, replaced=action.arn, patient=False)
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
        try:
            await self.call("TagResource", partial(self.by.api.tag, action.arn, self.by.retire), retry_on=UNTIL_FREE)
        except NotFoundError:
            return await self.replace(action)  # nothing is left to keep
        made = await self.make(action, replaced=action.arn, patient=False)
        if not isinstance(made, str) and not made.found:
            untag = partial(self.by.api.untag, action.arn, list(self.by.retire))
            await self.call("UntagResource", untag, retry_on=UNTIL_FREE)
            raise ConflictError(
                "AWS doesn't take two profiles of one name here, so the old one can't be kept beside a new one; set "
                "[replace] grace_days = 0 to let it go first, or give the row another name",
                code="NameTaken",
                where=str(action.target),
            )
        return replace(self.outcome(OutcomeKind.REPLACED, self.same(action, made)), old_arn=action.arn)

    def same(self, action: Action, made: str | _Found) -> str:
        """The ARN of what was made, or found equal to it; a stranger of the same name is an error."""
        if isinstance(made, str):
            return made
        again = self.by.replan(action, made.found)
        if again.kind is ActionKind.NONE and again.refusal is None:
            return again.arn
        raise ConflictError(f"another profile took this name: {again.arn}", where=str(action.target))

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

    async def make(
        self, action: Action, *, replaced: str = "", patient: bool = True, in_doubt: bool = False
    ) -> str | _Found:
        """Create the profile; answers the new ARN, or what was found under the name instead.

        `replaced` is the ARN of a profile of this name that doesn't count as found; without `patient`, a conflict
        with nothing else found ends it. Raises the last error when it can't be made; `AmbiguousError` when nobody
        knows whether it was.
        """
        token = token_for(self.by.token_seed, action)
        last: AwsError | None = None
        turns = self.by.lane.traffic.attempts
        for turn in range(1, turns + 1):
            try:
                arn = await self.call("CreateInferenceProfile", partial(self._send, action, token), retry_on=CERTAIN)
                if not self.begun_before or await self.is_there(arn):
                    return arn
                last = NotFoundError(f"{arn} was made by an earlier process of this run and deleted since")
                token = token_for(self.by.token_seed, action, dead=arn)
                continue
            except LaneClosedError as closed:
                if in_doubt:
                    raise _doubtful(last or AwsError(str(closed), code=closed.code)) from None
                raise
            except AmbiguousError as error:
                in_doubt, last, conflict = True, error, False
                await self.stop.pause(self.by.settle_s)
            except ConflictError as error:
                last, conflict = _doubtful(error) if in_doubt else error, True
            except AwsError as error:
                raise (_doubtful(error) if in_doubt else error) from None
            try:
                found = [profile for profile in await self.look_up(action.name) if profile.arn != replaced]
            except AwsError as error:
                raise (_doubtful(error) if in_doubt else error) from None
            if found or (conflict and not patient):
                return _Found(found, in_doubt)
            if turn < turns:
                await self.stop.pause(backoff(turn))
        assert last is not None  # noqa: S101 - at least one turn is made, and each ends in an answer or an error
        raise last

    async def is_there(self, arn: str) -> bool:
        """Whether a profile lives that a token was answered with which an earlier process may have sent, too.

        That one may have made it, and somebody may have deleted it since: the token still answers its ARN. Its tags
        are asked for, as production callers use up the rate of `GetInferenceProfile`.
        """
        for last in (False, True):
            try:
                await self.call("ListTagsForResource", lambda: self.by.api.tags_of(arn))
            except NotFoundError:
                # Or it was made just now.
                if not last:
                    await self.stop.pause(self.by.settle_s)
            except AwsError:
                return True
            else:
                return True
        return False

    async def _send(self, action: Action, token: str) -> str:
        return await self.by.api.create(
            name=action.name,
            source_arn=action.source_arn,
            description=action.description,
            tags=action.tags,
            token=token,
        )

    async def look_up(self, name: str) -> list[ObservedProfile]:
        """The profiles that have this name now, with their tags."""
        try:
            return await self._look_up(name)
        except NotFoundError:
            # Listed, and yet not to be found: too new, or deleted a moment ago.
            await self.stop.pause(self.by.settle_s)
            return await self._look_up(name)

    async def _look_up(self, name: str) -> list[ObservedProfile]:
        found: list[ObservedProfile] = []
        page_token: str | None = None
        while True:
            page, page_token = await self.call("ListInferenceProfiles", partial(self.by.api.list_page, page_token))
            found.extend(profile for profile in page if profile.name == name)
            if page_token is None:
                break
        return await with_tags_confirmed(self.by.api, self.call, found, [profile.arn for profile in found])

    async def call(
        self, operation: str, send: Callable[[], Awaitable[T]], *, retry_on: tuple[type[AwsError], ...] = REPEATABLE
    ) -> T:
        """Send through the lane, counting each attempt for this action."""

        async def counted() -> T:
            self.attempts += 1
            answer = await send()
            self.changed = self.changed or operation in CHANGES
            return answer

        return await self.by.lane.call(operation, counted, retry_on=retry_on, stop=self.stop)

    @property
    def stop(self) -> Stop:
        """The run's, until something is changed: a replacement between its two halves may have no profile at all."""
        return self.by.late_stop if self.changed else self.by.lane.traffic.stop

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


@dataclass(frozen=True, slots=True)
class _Found:
    """What has the name instead of a profile that was just made."""

    found: list[ObservedProfile]
    in_doubt: bool
    """An earlier creation of ours got no answer, so one of these may be its work."""


def _doubtful(error: AwsError) -> AmbiguousError:
    """Whatever follows a lost answer says nothing certain: the profile may be made, and not listed yet."""
    return AmbiguousError(error.message, code=error.code, operation=error.operation, where=error.where)
