"""Which errors are sent again, after how long, and when it is enough."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from bulkprof.engine.retry import (
    CERTAIN,
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    REPEATABLE,
    THROTTLE_PATIENCE_S,
    GiveUp,
    backoff,
    retried,
)
from bulkprof.errors import (
    AccessDeniedError,
    AmbiguousError,
    AwsError,
    ConflictError,
    ExpiredCredentialsError,
    NotFoundError,
    QuotaError,
    ThrottledError,
    UnreachableError,
)
from bulkprof.stop import StopRequestedError


class Calls:
    """A call that raises what it is given, in turn, then answers; and the waits in between."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.sent = 0
        self.waits: list[float] = []

    async def send(self) -> str:
        self.sent += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def run(self, attempts: int = 4, errors: tuple[type[AwsError], ...] = REPEATABLE) -> str:
        return await retried(self.send, attempts, errors, self.sleep)


@pytest.mark.parametrize("kind", REPEATABLE)
async def test_what_may_be_sent_again_is(kind: type[AwsError]) -> None:
    calls = Calls(kind("x"))
    assert await calls.run() == "done"
    assert calls.sent == 2


@pytest.mark.parametrize("kind", [AccessDeniedError, ConflictError, NotFoundError, QuotaError])
async def test_what_will_not_get_better_is_not_sent_again(kind: type[AwsError]) -> None:
    calls = Calls(kind("x"))
    with pytest.raises(kind):
        await calls.run()
    assert (calls.sent, calls.waits) == (1, [])


async def test_a_creation_that_may_be_done_is_not_sent_again() -> None:
    calls = Calls(AmbiguousError("x"))
    with pytest.raises(AmbiguousError):
        await calls.run(errors=CERTAIN)
    assert calls.sent == 1


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt(), StopRequestedError(), ValueError()])
async def test_whatever_is_not_an_answer_of_aws_passes_at_once(error: BaseException) -> None:
    calls = Calls(error)
    with pytest.raises(type(error)) as caught:
        await calls.run()
    assert caught.value is error
    assert calls.sent == 1


async def test_a_cancelled_wait_ends_the_call() -> None:
    calls = Calls(UnreachableError("x"))

    async def sleep(seconds: float) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await retried(calls.send, 4, REPEATABLE, sleep)
    assert calls.sent == 1


async def test_it_gives_up_with_the_last_error_itself() -> None:
    errors = [UnreachableError(str(number)) for number in range(9)]
    calls = Calls(*errors)
    with pytest.raises(UnreachableError) as caught:
        await calls.run(attempts=3)
    assert caught.value is errors[2]
    assert (calls.sent, calls.waits) == (3, [FIRST_WAIT_S, 2 * FIRST_WAIT_S])


async def test_throttles_cost_no_attempt_and_no_wait_of_their_own() -> None:
    calls = Calls(*(ThrottledError("x") for _ in range(50)), UnreachableError("y"))
    assert await calls.run(attempts=2) == "done"
    # The first failure after fifty throttles is still the first failure.
    assert calls.waits == [0.0] * 50 + [FIRST_WAIT_S]


async def test_renewed_credentials_are_used_at_once_but_not_for_ever() -> None:
    calls = Calls(*(ExpiredCredentialsError("x") for _ in range(9)))
    with pytest.raises(ExpiredCredentialsError):
        await calls.run(attempts=3)
    assert calls.waits == [0.0, 0.0]


def _state(error: Exception, seconds: float) -> Any:
    return SimpleNamespace(outcome=SimpleNamespace(exception=lambda: error), seconds_since_start=seconds)


def test_patience_with_throttles_is_a_matter_of_time() -> None:
    policy = GiveUp(attempts=1)
    assert not policy(_state(ThrottledError("x"), THROTTLE_PATIENCE_S))
    assert policy(_state(ThrottledError("x"), THROTTLE_PATIENCE_S + 1))
    assert policy.failures == 0


def test_waits_double_up_to_a_ceiling() -> None:
    waits = [backoff(attempt) for attempt in range(1, 12)]
    assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert waits[-1] == LONGEST_WAIT_S
    assert waits == sorted(waits)
