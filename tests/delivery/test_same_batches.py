"""Batches that come again as they were, for sinks whose receivers know a batch again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bulkprof.delivery import sinks as sinks_module
from bulkprof.model import Outcome
from bulkprof.plugins import GiveUpError
from bulkprof.store.run import RunFile
from tests.delivery.fakes import SUMMARY, FakeSink, deliver_to, record


class Losing(FakeSink):
    """Gets batches, and doesn't say so as long as it is told to."""

    def __init__(self, run: RunFile, name: str = "fake", *, same: bool = True) -> None:
        super().__init__(name)
        self.same_batches = same
        self.run = run
        self.given: list[list[str]] = []
        self.loses = False
        self.noted: list[int] = []

    async def deliver(self, outcomes: Sequence[Outcome]) -> None:
        self.given.append([outcome.name for outcome in outcomes])
        self.noted.append(self.run.details().batches.get(self.name, 0))
        if self.loses:
            raise GiveUpError("no answer")


@pytest.mark.parametrize(
    ("same", "batches"),
    [(True, [["a", "b"], ["a", "b"], ["c"]]), (False, [["a", "b"], ["a", "b", "c"]])],
)
async def test_a_batch_that_may_have_arrived_comes_again_as_it_was(
    run: RunFile, told: list[str], same: bool, batches: list[list[str]]
) -> None:
    sink = Losing(run, same=same)
    record(run, "a", "b")
    sink.loses = True
    assert await deliver_to(run, told, sink).finish(SUMMARY) == ["fake"]
    record(run, "c")
    sink.loses = False
    assert await deliver_to(run, told, sink).finish(SUMMARY) == []
    assert sink.given == batches


async def test_where_it_ends_is_kept_before_it_is_sent(
    run: RunFile, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a run that is killed meanwhile sends the same one when it goes on."""
    monkeypatch.setattr(sinks_module, "BATCH", 2)
    record(run, "a", "b", "c")
    first, second = Losing(run, "first"), Losing(run, "second")
    assert await deliver_to(run, told, first, second).finish(SUMMARY) == []
    assert first.given == second.given == [["a", "b"], ["c"]]
    assert first.noted == second.noted == [2, 3]
    assert run.details().batches == {"first": 3, "second": 3}
