"""How one profile is made, and never twice.

A creation is sent with a token derived from the run and the profile, so sending it again is harmless while AWS
remembers the token. Where AWS's answer is lost, the profile may exist or not: the lag of lists is waited
out, the name is looked up, and only if it isn't there the same creation is sent again, with the same token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import TypeVar

from bulkprof.engine.lane import Lane, LaneClosedError
from bulkprof.engine.open_names import OpenNames
from bulkprof.engine.outcomes import closed_outcome
from bulkprof.engine.retry import CERTAIN, REPEATABLE, backoff
from bulkprof.errors import AmbiguousError, AwsError, ConflictError, NotFoundError
from bulkprof.model import EMPTY, Action, ObservedProfile, Outcome, OutcomeKind
from bulkprof.pages import whole_list
from bulkprof.planning.observe import with_tags_confirmed
from bulkprof.planning.retirement import Retirement
from bulkprof.profiles.api import Api
from bulkprof.profiles.operations import CHANGES, Operation
from bulkprof.profiles.tokens import token_for
from bulkprof.stop import LateStop, Stop

T = TypeVar("T")

TO_THE_END_S = 10.0
"""Seconds after a stop in which an action that has changed something may still do the rest."""
Replan = Callable[[Action, Sequence[ObservedProfile]], Action]
"""Plans one wanted profile anew against what is there under its name."""
SourceOf = Callable[[ObservedProfile], str | None]
"""What a profile was made from, as `Api.create` takes it; None where that can't be told."""


@dataclass(slots=True)
class ActionContext:
    """What the actions of one target share."""

    token_seed: str
    """What the run's tokens follow from: its id, and for a plan also its being applied."""
    lane: Lane
    api: Api
    replan: Replan
    settle_s: float = field(kw_only=True)
    """Seconds that lists may lag behind creations."""
    begun: int = field(default=0, kw_only=True)
    """Actions up to this id may have been sent already, by an earlier process of the run."""
    retirement: Retirement = field(default_factory=Retirement, kw_only=True)
    """What becomes of profiles that are replaced."""
    source_of: SourceOf | None = field(default=None, kw_only=True)
    note_open: Callable[[Action], Awaitable[None]] | None = field(default=None, kw_only=True)
    """Keeps in the run's file, before the old profile of a replacement is deleted, that its name may have none now."""
    note_whole: Callable[[Action], Awaitable[None]] | None = field(default=None, kw_only=True)
    """Takes that back, where nothing was sent in the end."""
    open_names: OpenNames = field(default_factory=OpenNames, init=False)
    late_stop: LateStop = field(init=False)

    def __post_init__(self) -> None:
        self.late_stop = LateStop(self.lane.traffic.stop, TO_THE_END_S, self.lane.traffic.clock)


@dataclass(frozen=True, slots=True)
class Found:
    """What has the name instead of a profile that was just made."""

    found: list[ObservedProfile]
    in_doubt: bool
    """An earlier creation of ours got no answer, so one of these may be its work."""
    old: ObservedProfile | None = None
    """The profile that is to be replaced, where lists still show it."""


def doubtful(error: AwsError) -> AmbiguousError:
    """An error after a lost answer says nothing certain: the profile may be made, and not listed yet."""
    return AmbiguousError(error.message, code=error.code, operation=error.operation, where=error.where)


class Creation:
    """The part of an action's work that makes a profile, and the calls that it takes."""

    def __init__(self, context: ActionContext, action: Action) -> None:
        self.context = context
        self.action = action
        self.attempts = 0
        """Calls sent, throttled ones included."""
        self.changed = False
        """Whether any of them changed anything."""
        self.halfway = False
        """Whether what is done so far must not be left so: then calls are sent also where the target is closed."""
        self.begun_before = action.id <= context.begun

    async def make(
        self, action: Action, *, replaced: str = "", patience: int | None = None, in_doubt: bool = False
    ) -> str | Found:
        """Create the profile. Returns the new ARN, or what was found under the name instead.

        `replaced` is the ARN of a profile of this name that doesn't count as found, nor do those that were replaced
        before. With a `patience`, so many conflicts with nothing else found are waited out, and the next one ends it.
        Raises the last error when it can't be made; `AmbiguousError` when it may be made or not.
        """
        token = token_for(self.context.token_seed, action)
        last: AwsError | None = None
        tries = self.context.lane.traffic.attempts
        for tried in range(1, tries + 1):
            try:
                arn = await self.call(Operation.CREATE, partial(self._send, action, token), retry_on=CERTAIN)
                if not self.begun_before or await self.is_there(arn):
                    return arn
                last = NotFoundError(f"{arn} was made by an earlier process of this run and deleted since")
                token = token_for(self.context.token_seed, action, dead=arn)
                continue
            except LaneClosedError as closed:
                if in_doubt:
                    raise doubtful(last or AwsError(str(closed), code=closed.code)) from None
                raise
            except AmbiguousError as error:
                in_doubt, last, conflict = True, error, False
                await self.stop.pause(self.context.settle_s)
            except ConflictError as error:
                last, conflict = doubtful(error) if in_doubt else error, True
            except AwsError as error:
                raise (doubtful(error) if in_doubt else error) from None
            try:
                there = await self.look_up(action.name)
            except AwsError as error:
                raise (doubtful(error) if in_doubt else error) from None
            found = [
                profile
                for profile in there
                if profile.arn != replaced and not (replaced and self.context.retirement.marks(profile.tags or EMPTY))
            ]
            if found or (conflict and patience is not None and tried > patience):
                old = next((profile for profile in there if profile.arn == replaced), None)
                return Found(found, in_doubt, old)
            if tried < tries:
                await self.stop.pause(backoff(tried))
        assert last is not None  # noqa: S101 - at least one try is made, and each ends in a return or an error
        raise last

    async def is_there(self, arn: str) -> bool:
        """Whether the profile of this ARN exists, which AWS returned for a token that may have been sent before.

        An earlier process may have made it, and it may be deleted since: AWS still returns its ARN for the token.
        Its tags are asked for, as other callers may use up the rate of `Operation.GET`.
        """
        for last in (False, True):
            try:
                await self.call(Operation.TAGS_OF, lambda: self.context.api.tags_of(arn))
            except NotFoundError:
                # Or it was made just now.
                if not last:
                    await self.stop.pause(self.context.settle_s)
            except AwsError:
                return True
            else:
                return True
        return False

    async def _send(self, action: Action, token: str) -> str:
        return await self.context.api.create(
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
            await self.stop.pause(self.context.settle_s)
            return await self._look_up(name)

    async def _look_up(self, name: str) -> list[ObservedProfile]:
        listed = await whole_list(self.call, Operation.LIST, self.context.api.list_page, attrgetter("arn"))
        found = [profile for profile in listed if profile.name == name]
        return await with_tags_confirmed(self.context.api, self.call, found, [profile.arn for profile in found])

    async def call(
        self, operation: str, send: Callable[[], Awaitable[T]], *, retry_on: tuple[type[AwsError], ...] = REPEATABLE
    ) -> T:
        """Send through the lane, counting each attempt for this action."""

        async def counted() -> T:
            self.attempts += 1
            answer = await send()
            self.changed = self.changed or operation in CHANGES
            return answer

        return await self.context.lane.call(
            operation, counted, retry_on=retry_on, stop=self.stop, even_closed=self.halfway
        )

    @property
    def stop(self) -> Stop:
        """The run's, until something is changed: a replacement between its two halves may have no profile at all."""
        return self.context.late_stop if self.changed else self.context.lane.traffic.stop

    def outcome(self, kind: OutcomeKind, arn: str = "", *, code: str = "", message: str = "") -> Outcome:
        """The action's outcome, with the calls that it took."""
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
