"""Which errors are worth another call, how long to wait before it, and when to stop: the only retry layer.

tenacity runs the loop, from the first error on. Throttles cost no attempt, since the pacer slows
down after them; they are bounded by time instead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from bulkprof.aws.transport.attempts import CURRENT, Attempts
from bulkprof.errors import (
    AmbiguousError,
    AwsError,
    ConflictError,
    ExpiredCredentialsError,
    ThrottledError,
    UnreachableError,
)

T = TypeVar("T")

THROTTLE_PATIENCE_S = 900.0
"""Seconds after which an action that meets nothing but throttles is given up."""
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 20.0

REPEATABLE: tuple[type[AwsError], ...] = (ThrottledError, UnreachableError, ExpiredCredentialsError, AmbiguousError)
"""For calls that may be sent twice: reads, tags, deletions."""
UNTIL_FREE: tuple[type[AwsError], ...] = (*REPEATABLE, ConflictError)
"""For those of them that change something: what they are in conflict with is another change, which ends."""
CERTAIN: tuple[type[AwsError], ...] = (ThrottledError, UnreachableError, ExpiredCredentialsError)
"""For creations: only where it is certain that nothing was done."""


@dataclass(slots=True)
class GiveUp:
    """Stops a call's retries after `attempts` failures, or after too long a time of throttles."""

    attempts: int
    failures: int = 0

    def __call__(self, state: RetryCallState) -> bool:
        """Whether tenacity stops now."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, ThrottledError):
            return (state.seconds_since_start or 0.0) > THROTTLE_PATIENCE_S
        self.failures += 1
        return self.failures >= self.attempts

    def wait(self, state: RetryCallState) -> float:
        """Seconds before the next attempt: none after a throttle, which the pacer has already taken into account.

        Expired credentials are renewed by the call that is sent next, so they need no wait either.
        """
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, ThrottledError | ExpiredCredentialsError):
            return 0.0
        # tenacity asks how long to wait before it asks whether to stop.
        return backoff(self.failures + 1)


def backoff(attempt: int) -> float:
    """Seconds to wait after the given attempt (1 is the first) failed; doubles up to a ceiling."""
    return float(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempt - 1)))


async def retried(
    send: Callable[[], Awaitable[T]],
    attempts: int,
    errors: tuple[type[AwsError], ...],
    sleep: Callable[[float], Awaitable[None]],
) -> T:
    """Send until it is answered or given up. Retries by exception type only, so that cancellation passes at once."""
    outer = CURRENT.set(Attempts(attempts))
    try:
        return await _retried(send, attempts, errors, sleep)
    finally:
        CURRENT.reset(outer)


async def _retried(
    send: Callable[[], Awaitable[T]],
    attempts: int,
    errors: tuple[type[AwsError], ...],
    sleep: Callable[[float], Awaitable[None]],
) -> T:
    try:
        return await send()
    except errors as error:
        # Most calls are answered at once, and a loop made for each would cost a third of what sending it does.
        failed: AwsError | None = error

    async def again() -> T:
        nonlocal failed
        if failed is not None:
            first, failed = failed, None
            raise first
        return await send()

    policy = GiveUp(attempts)
    loop = AsyncRetrying(
        retry=retry_if_exception_type(errors), stop=policy, wait=policy.wait, sleep=sleep, reraise=True
    )
    return await loop(again)
