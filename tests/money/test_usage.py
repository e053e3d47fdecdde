"""Sums of daily values: by profile, by tag, and past profiles."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from rich.console import Console

from bulkprof.aws.money.cloudwatch import queries_a_call
from bulkprof.money.usage import PastUse, Period, ProfileUse, Usage, Use, apart, grouping, model_named, use_of
from bulkprof.reports.money.usage import show_usage, usage_json

TODAY = date(2026, 3, 2)
ARN = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/"
FIRST, SECOND = date(2026, 3, 1), TODAY


def profile(name: str, invocations: int, **tags: str) -> ProfileUse:
    return ProfileUse(name, ARN + name, "111122223333", "us-east-1", tags, Use(invocations))


def test_a_period_ends_with_today() -> None:
    period = Period.until(TODAY, 3)
    assert (period.start, period.end) == (datetime(2026, 2, 28, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
    assert str(period) == "2026-02-28 to 2026-03-02"


@pytest.mark.parametrize("days", [0, -1, 456])
def test_a_period_is_as_long_as_values_are_kept(days: int) -> None:
    with pytest.raises(ValueError, match="must be from 1 to 455: CloudWatch keeps daily values that long"):
        Period.until(TODAY, days)


@pytest.mark.parametrize(("days", "queries"), [(1, 500), (30, 500), (201, 500), (202, 499), (455, 221)])
def test_a_long_period_has_fewer_queries_a_call(days: int, queries: int) -> None:
    assert queries_a_call(Period.until(TODAY, days)) == queries


@pytest.mark.parametrize(
    ("series", "counts"),
    [
        ({"id": {FIRST: 2.0}, "arn": {}}, ["id"]),
        ({"id": {}, "arn": {FIRST: 2.0}}, ["arn"]),
        ({"id": {FIRST: 2.0}, "arn": {FIRST: 2.0}}, ["id"]),
        ({"id": {FIRST: 2.0}, "arn": {SECOND: 2.0}}, ["id", "arn"]),
        ({"id": {}, "arn": {}}, []),
    ],
)
def test_a_series_that_is_there_twice_counts_once(series: dict[str, dict[date, float]], counts: list[str]) -> None:
    assert apart(series) == counts


def test_the_last_use_is_the_last_day_with_an_invocation() -> None:
    use = use_of([{FIRST: 2.0, SECOND: 0.0}], [{FIRST: 30.0}], [{FIRST: 7.0}], [{SECOND: 1.0}])
    assert use == Use(2, 30, 7, 1, FIRST)
    assert use_of([], [], [], []) == Use()
    assert (use + Use(1, last_used=SECOND)).last_used == SECOND


@pytest.mark.parametrize(
    ("dimension", "model"),
    [
        ("amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("us.amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0"),
        ("arn:aws:bedrock:us-east-1::foundation-model/zai.glm-4.7", "zai.glm-4.7"),
        ("arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.zai.glm-4.7", "us.zai.glm-4.7"),
        ("abcdefghijkl", ""),
        (ARN + "abcdefghijkl", ""),
        ("arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl", ""),
        ("amazon.nova-lite-v1:0/abcdefghijkl", ""),
        ("arn:", ""),
    ],
)
def test_models_that_go_past_profiles(dimension: str, model: str) -> None:
    assert model_named(dimension) == model


def test_sums_by_a_tag_and_shares() -> None:
    usage = Usage(Period.until(TODAY, 30), [profile("a", 5, Team="x"), profile("b", 70), profile("c", 20, Team="x")])
    usage.past = [PastUse("111122223333", "us-east-1", "amazon.nova-lite-v1:0", 5)]
    assert [(group.value, group.profiles, group.use.invocations) for group in usage.by("tag:Team")] == [
        ("", 1, 70),
        ("x", 2, 25),
    ]
    assert [group.value for group in usage.by("account")] == ["111122223333"]
    assert [group.value for group in usage.by("region")] == ["us-east-1"]
    assert usage.past_share == 0.05
    assert Usage(usage.period).past_share == 0.0


@pytest.mark.parametrize("name", ["team", "tag:", "tag", ""])
def test_fields_that_there_are_no_sums_by(name: str) -> None:
    with pytest.raises(ValueError, match="is no field; the fields are account, region and tag:KEY"):
        grouping(name)


def test_the_figures_of_many_profiles_take_a_few_passes() -> None:
    class Profiles(list[ProfileUse]):
        passes = 0

        def __iter__(self) -> Iterator[ProfileUse]:
            self.passes += 1
            return super().__iter__()

    passes = []
    for count in (10, 200):
        profiles = Profiles(profile(str(number), number) for number in range(count))
        past = [PastUse("111122223333", "us-east-1", f"amazon.model-{number}", number) for number in range(count)]
        usage = Usage(Period.until(TODAY, 30), profiles, past)
        usage_json(usage, "tag:Team")
        show_usage(Console(file=io.StringIO()), usage, None)
        passes.append(profiles.passes)
    assert passes[0] == passes[1]
