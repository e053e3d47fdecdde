"""Whether new profiles fit: asked for only where AWS's default wouldn't do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from bulkprof.errors import AccessDeniedError, NotFoundError
from bulkprof.model import ActionKind, Refusal
from bulkprof.profiles.operations import Operation
from bulkprof.profiles.quota import quota_warning
from tests.factories import TARGET, wanted

CREATE = replace(wanted("team"), kind=ActionKind.CREATE)


class Quota:
    """One target's quota, or why it isn't told."""

    def __init__(self, answer: int | Exception) -> None:
        self._answer = answer
        self.asked = 0

    async def profile_quota(self) -> int:
        self.asked += 1
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


async def call(operation: str, send: Callable[[], Awaitable[Any]]) -> Any:
    assert operation == Operation.QUOTA
    return await send()


@pytest.mark.parametrize(
    ("answer", "exists", "planned", "asked", "said"),
    [
        (5, 900, 100, 0, None),
        (1000, 1000, 0, 0, None),
        (1500, 900, 101, 1, None),
        (1500, 1500, 1, 1, "1500 profiles exist and 1 are to be created, but the quota is 1500: AWS will refuse 1 "),
        (1000, 1200, 3, 1, "AWS will refuse 3 of them"),
        (NotFoundError("no own quota"), 990, 20, 1, "the quota is 1000: AWS will refuse 10 of them"),
        (
            AccessDeniedError("no", code="Denied"),
            990,
            20,
            1,
            "1000 by default (the account's own can't be read: Denied",
        ),
    ],
)
async def test_quota(answer: int | Exception, exists: int, planned: int, asked: int, said: str | None) -> None:
    quota = Quota(answer)
    warning = await quota_warning(quota, call, TARGET, exists, [CREATE] * planned)
    assert quota.asked == asked
    assert (said in warning) if said and warning else warning is said


async def test_only_what_will_be_created_counts() -> None:
    others = [replace(CREATE, kind=ActionKind.NONE), replace(CREATE, refusal=Refusal("Bad", "no"))]
    assert await quota_warning(Quota(1000), call, TARGET, 1000, others) is None


async def test_replacements_need_a_place_where_the_old_ones_stay() -> None:
    replacements = [replace(CREATE, kind=ActionKind.REPLACE)] * 10
    assert await quota_warning(Quota(1000), call, TARGET, 995, replacements) is None
    warning = await quota_warning(Quota(1000), call, TARGET, 995, replacements, beside=True)
    assert warning
    assert "AWS will refuse 5 of them" in warning
