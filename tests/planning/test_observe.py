"""What is asked of AWS to see a target, counted call by call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import pytest

from bulkprof.errors import AccessDeniedError, AwsError, CredentialsError, NotFoundError, UnreachableError
from bulkprof.model import Action, ActionKind, ObservedProfile, Refusal
from bulkprof.planning.observe import look_up, observe, to_confirm, with_tags_confirmed
from bulkprof.profiles.operations import Operation
from tests.factories import OURS, TARGET, profile

T = TypeVar("T")


class FakeReads:
    """A target with profiles (their tags are the truth), and a tagging index that may differ from it."""

    def __init__(
        self,
        profiles: Sequence[ObservedProfile],
        *,
        index: dict[str, dict[str, str]] | None = None,
        overlap: int = 0,
    ) -> None:
        self.overlap = overlap
        """How many items of a page the next one repeats."""
        self.profiles = {each.arn: each for each in profiles}
        self.index = {p.arn: dict(p.tags) for p in profiles if p.tags} if index is None else index
        self.index_error: Exception | None = None
        self.calls: Counter[str] = Counter()

    async def call(self, operation: str, send: Callable[[], Awaitable[T]]) -> T:
        """Stands for a lane."""
        self.calls[operation] += 1
        return await send()

    async def list_page(self, next_token: str | None) -> tuple[list[ObservedProfile], str | None]:
        return self._page([_bare(each) for each in self.profiles.values()], next_token, 1000)

    async def tagged_page(self, next_token: str | None) -> tuple[list[tuple[str, dict[str, str]]], str | None]:
        if self.index_error is not None:
            raise self.index_error
        return self._page(list(self.index.items()), next_token, 100)

    async def get(self, arn: str) -> ObservedProfile:
        if arn not in self.profiles:
            raise NotFoundError("not there")
        return _bare(self.profiles[arn])

    async def tags_of(self, arn: str) -> dict[str, str]:
        return dict(self.profiles[arn].tags or {})

    def _page(self, items: list[T], token: str | None, size: int) -> tuple[list[T], str | None]:
        start = max(0, int(token or 0) - self.overlap)
        end = start + size
        return items[start:end], str(end) if end < len(items) else None


def _bare(each: ObservedProfile) -> ObservedProfile:
    return ObservedProfile(each.arn, each.name, each.model_arns, each.description)


def _many(count: int) -> list[ObservedProfile]:
    return [profile(f"p{number}", tags={**OURS, "n": str(number)}) for number in range(count)]


async def test_one_list_call_per_thousand_and_one_tagging_call_per_hundred() -> None:
    aws = FakeReads(_many(2001))
    found = await observe(aws, aws.call, {"p1"})
    assert aws.calls == {Operation.LIST: 3, Operation.TAGGED: 21}
    assert [each.tags for each in found] == [each.tags for each in aws.profiles.values()]


async def test_an_empty_account_takes_one_call() -> None:
    aws = FakeReads([])
    assert await observe(aws, aws.call, {"a"}, owned=True) == []
    assert aws.calls == {Operation.LIST: 1}


async def test_a_profile_on_two_pages_is_one() -> None:
    """Counted twice, its deletion would count twice against the caps."""
    aws = FakeReads(_many(1500), overlap=7)
    found = await observe(aws, aws.call, owned=True)
    assert [each.arn for each in found] == list(aws.profiles)
    assert all(each.tags for each in found)


@pytest.mark.parametrize("operation", ["list_page", "tagged_page"])
async def test_a_list_without_end_is_an_error_of_the_target(operation: str) -> None:
    aws = FakeReads(_many(3))
    items = {"list_page": list(aws.profiles.values()), "tagged_page": list(aws.index.items())}

    async def again(next_token: str | None) -> Any:
        return items[operation], "the same"

    setattr(aws, operation, again)
    with pytest.raises(AwsError, match="circle"):
        await observe(aws, aws.call, owned=True)


async def test_tags_that_are_not_needed_are_not_asked_for() -> None:
    aws = FakeReads(_many(3))
    found = await observe(aws, aws.call, {"a"})
    assert [each.tags for each in found] == [None] * 3
    assert aws.calls == {Operation.LIST: 1}


async def test_pruning_needs_the_tags_of_all() -> None:
    aws = FakeReads(_many(3))
    found = await observe(aws, aws.call, set(), owned=True)
    assert all(each.tags for each in found)


@pytest.mark.parametrize("error", [AccessDeniedError("no tag:GetResources"), UnreachableError("no route")])
@pytest.mark.parametrize("owned", [True, False])
async def test_where_the_tagging_api_is_denied_the_profiles_are_asked_one_by_one(owned: bool, error: AwsError) -> None:
    aws = FakeReads(_many(4))
    aws.index_error = error
    found = await observe(aws, aws.call, {"p1", "p2"}, owned=owned)
    assert aws.calls[Operation.TAGS_OF] == (4 if owned else 2)
    tagged = {each.name: each.tags for each in found if each.tags is not None}
    assert tagged["p2"] == {**OURS, "n": "2"}
    assert len(tagged) == (4 if owned else 2)


async def test_other_errors_of_the_tagging_api_pass() -> None:
    aws = FakeReads(_many(1))
    aws.index_error = CredentialsError("keys were revoked")
    with pytest.raises(CredentialsError):
        await observe(aws, aws.call, set(), owned=True)


async def test_profiles_that_the_index_lacks_are_asked_for_where_they_matter() -> None:
    aws = FakeReads([profile("a", tags={}), profile("b", tags={}), profile("c")], index={"arn:c": OURS})
    found = await observe(aws, aws.call, {"a"})
    assert [each.tags for each in found] == [{}, None, OURS]
    assert aws.calls[Operation.TAGS_OF] == 1


async def test_pruning_does_not_ask_about_those_that_were_never_tagged() -> None:
    aws = FakeReads(
        [profile("a"), profile("old"), profile("b", tags={}), profile("new", tags=OURS)], index={"arn:old": OURS}
    )
    found = await observe(aws, aws.call, {"a"}, owned=True)
    assert [each.tags for each in found] == [OURS, OURS, None, None]
    assert aws.calls == {Operation.LIST: 1, Operation.TAGGED: 1, Operation.TAGS_OF: 1}


async def test_an_export_asks_about_all() -> None:
    aws = FakeReads([profile("a"), profile("b", tags={}), profile("c")], index={"arn:c": OURS})
    assert [each.tags for each in await observe(aws, aws.call)] == [OURS, {}, OURS]
    assert aws.calls[Operation.TAGS_OF] == 2


async def test_tags_that_decide_a_change_are_asked_for_again() -> None:
    aws = FakeReads([profile("a"), profile("b")], index={"arn:a": {"stale": "x"}, "arn:b": {"stale": "x"}})
    found = await observe(aws, aws.call, {"a"}, owned=True)
    assert found[0].tags == {"stale": "x"}
    found = await with_tags_confirmed(aws, aws.call, found, ["arn:a"])
    assert [each.tags for each in found] == [OURS, {"stale": "x"}]


def test_what_has_to_be_confirmed() -> None:
    def action(kind: ActionKind, arn: str, refusal: Refusal | None = None) -> Action:
        return Action(1, TARGET, kind, "a", arn=arn, refusal=refusal)

    actions = [
        action(ActionKind.CREATE, ""),
        action(ActionKind.NONE, "arn:none"),
        action(ActionKind.NONE, "arn:refused", Refusal("OtherEstate", "")),
        *(action(kind, f"arn:{kind}") for kind in ("update", "adopt", "delete", "replace")),
    ]
    assert to_confirm(actions, []) == ["arn:refused", "arn:update", "arn:adopt", "arn:delete", "arn:replace"]
    # What stays when another one of its name goes decides as much.
    there = [profile("a", "arn:none"), profile("a", "arn:delete"), profile("b")]
    assert to_confirm([action(ActionKind.DELETE, "arn:delete")], there) == ["arn:delete", "arn:none"]
    assert to_confirm([action(ActionKind.UPDATE, "arn:delete")], there[1:]) == ["arn:delete"]
    # Of several of a wanted name, only tags say which one was replaced.
    assert to_confirm([action(ActionKind.NONE, "arn:none")], there) == ["arn:none", "arn:delete"]
    assert to_confirm([action(ActionKind.NONE, "arn:none")], there[:1]) == []


async def test_looking_up_by_arn_answers_profiles_with_their_tags() -> None:
    aws = FakeReads(_many(2))
    assert await look_up(aws, aws.call, ["arn:p1"]) == [aws.profiles["arn:p1"]]
    with pytest.raises(NotFoundError):
        await look_up(aws, aws.call, ["arn:p1", "arn:gone"])
