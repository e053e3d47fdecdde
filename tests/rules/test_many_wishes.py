"""A row that wants too many profiles to hold them: the same come of it, one portion at a time."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from typing import Any, cast

import pytest

from bulkprof.manifests.cells import Cells
from bulkprof.manifests.requests import Batch
from bulkprof.model import DesiredProfile, Problem, Request, Severity
from bulkprof.plugins import hookimpl
from bulkprof.rules import fanout
from bulkprof.rules.expand import Expansion
from bulkprof.store import codec
from bulkprof.workflows.steps.intake import rows
from bulkprof.workflows.steps.intake.rows import Reading
from tests.factories import row, rules

ACCOUNTS = tuple(str(111122223333 + number) for number in range(4))
REGIONS = ("us-east-1", "eu-west-1", "eu-west-2")
WIDE = {"name": None, "models": ("haiku", "nova"), "accounts": ACCOUNTS, "regions": REGIONS}
EU_ONLY = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"


class Plugin:
    """Names by model, unless told otherwise, and finds what it is told to."""

    def __init__(self, name: str = "x-{model}", problems: Iterable[Problem] = ()) -> None:
        self._name = name
        self._problems = list(problems)

    @hookimpl
    def bulkprof_name_profile(self, profile: DesiredProfile) -> str:
        return self._name.format(model=profile.model)

    @hookimpl
    def bulkprof_check_profile(self, profile: DesiredProfile) -> list[Problem]:
        return self._problems if profile.target.region == "eu-west-2" else []


def expanded(request: Request, plugin: Plugin) -> tuple[tuple[DesiredProfile, ...], set[Problem]]:
    found = rules(mine=plugin).expand(request)
    return tuple(found.profiles), set(found.problems)


@pytest.mark.parametrize(
    ("cells", "plugin"),
    [
        ({}, Plugin()),
        ({"name": "one"}, Plugin()),
        ({"name": "one", "models": ("haiku",)}, Plugin()),
        ({}, Plugin("x.{model}")),
        ({}, Plugin("")),
        ({}, Plugin(problems=[Problem("hm", severity=Severity.WARNING)])),
        ({}, Plugin(problems=[Problem("no")])),
        ({"models": ("haiku", EU_ONLY)}, Plugin("x")),
        ({"accounts": (*ACCOUNTS, "org:*")}, Plugin()),
        ({"regions": ("us-east-1", "nowhere")}, Plugin()),
        ({"description": "no, never"}, Plugin()),
    ],
)
def test_nothing_else_comes_of_it(monkeypatch: pytest.MonkeyPatch, cells: dict[str, Any], plugin: Plugin) -> None:
    request = row(**{**WIDE, **cells})
    held = expanded(request, plugin)
    assert held[0] or held[1]
    monkeypatch.setattr(fanout, "_HELD", 3)
    assert expanded(request, plugin) == held


def test_a_portion_is_no_larger_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "_HELD", 3)
    monkeypatch.setattr(rows, "LARGEST", 5)
    made = rules(mine=Plugin())
    request = row(**WIDE)

    class One(Batch):
        def understood(self) -> Any:
            return [request]

    found = list(Reading(made, codec.from_desired).portions_of(One([cast("Any", None)], Cells("a.csv"))))
    assert [len(portion.wanted) for portion in found] == [5, 5, 5, 5, 4]
    assert [portion.rows for portion in found] == [0, 0, 0, 0, 1]


def test_memory_does_not_grow_with_it() -> None:
    made = rules(mine=Plugin())

    def peak(accounts: int) -> int:
        request = row(**{**WIDE, "accounts": tuple(str(111122220000 + number) for number in range(accounts))})
        tracemalloc.start()
        count = sum(1 for _ in made.expand(request).profiles)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == accounts * len(REGIONS) * 2
        return peak

    # Targets are held, as for any run: 200 bytes each. With the profiles it would be 1,300.
    assert peak(3_000) < 3_000 * len(REGIONS) * 400


def test_expansions_of_usual_rows_are_tuples() -> None:
    assert isinstance(rules().expand(row()), Expansion)
    assert isinstance(rules().expand(row()).profiles, tuple)
