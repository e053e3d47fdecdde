"""What the dask engine is made of, each part alone: the lease, sizes of shares, versions, and sums of reports."""

from __future__ import annotations

from collections import Counter

from bulkprof.model import ActionKind, Outcome, OutcomeKind, Target
from bulkprof.ui import Ui
from bulkprof.workflows.fleet.dask.board import Board
from bulkprof.workflows.fleet.dask.lease import SILENT, STOPPED, Lease, beat
from bulkprof.workflows.fleet.dask.messages import Report, differing
from bulkprof.workflows.fleet.dask.sizes import MOST, Pieces, slowest_first

HERE, THERE = Target("111122223333", "us-east-1"), Target("444455556666", "us-east-1")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_lease_lasts_as_long_as_there_are_new_beats() -> None:
    clock = Clock()
    lease = Lease(10.0, clock)
    assert lease.end(beat(1, stop=False)) == ""
    clock.now = 9.0
    assert lease.end(beat(2, stop=False)) == ""
    clock.now = 18.0
    assert lease.end(beat(2, stop=False)) == ""
    clock.now = 19.0
    assert lease.end(beat(2, stop=False)) == SILENT


def test_a_scheduler_that_does_not_answer_is_no_beat() -> None:
    clock = Clock()
    lease = Lease(10.0, clock)
    assert lease.end(None) == ""
    clock.now = 10.0
    assert lease.end(None) == SILENT


def test_a_stop_is_heard_at_the_first_look() -> None:
    assert Lease(10.0, Clock()).end(beat(1, stop=True)) == STOPPED


def test_a_short_lease_is_looked_at_more_often() -> None:
    assert Lease(20.0).look_every_s == 1.0
    assert Lease(1.0).look_every_s == 0.2


def taken(pieces: Pieces, threads: int) -> list[list[Target]]:
    """All shares."""
    found = []
    while pieces:
        found.append(pieces.next(threads))
    return found


def targets(count: int) -> list[Target]:
    return [Target(f"11112222{number:04}", "us-east-1") for number in range(count)]


def test_shares_hold_all_targets_in_order_and_shrink_towards_the_end() -> None:
    all_of_them = targets(3000)
    shares = taken(Pieces(all_of_them, dict.fromkeys(all_of_them, 1)), 2)
    assert [target for share in shares for target in share] == all_of_them
    sizes = [len(share) for share in shares]
    assert sizes == sorted(sizes, reverse=True)
    assert max(sizes) * 2 * 2 <= 3000
    assert max(sizes) * 3 <= MOST
    assert len(shares) > 2 * 2


def test_a_large_target_travels_alone_and_small_ones_together() -> None:
    here, *others = targets(20)
    shares = taken(Pieces([here, *others], {here: 5000}), 8)
    assert shares == [[here], others]


def test_the_slowest_target_of_a_region_comes_first() -> None:
    slow, usual, quick = targets(3)
    west = Target(slow.account, "us-west-2")
    pending = {each: {ActionKind.CREATE: 100} for each in (slow, usual, quick, west)}
    rates = {slow: 2.0, quick: 50.0}
    found = slowest_first(
        [quick, west, usual, slow], pending, lambda target, operation: rates.get(target), ["us-west-2"]
    )
    assert found == [west, slow, usual, quick]


def test_workers_that_come_later_get_a_part() -> None:
    all_of_them = targets(4000)
    pieces = Pieces(all_of_them, dict.fromkeys(all_of_them, 1))
    few, many = pieces.next(1), pieces.next(50)
    assert len(few) > len(many) > 1


def test_versions_that_differ_name_worker_and_both() -> None:
    ours = {"bulkprof": "1.2.0", "Python": "3.11", "distributed": "2026.1.0"}
    assert differing("tcp://10.0.0.7:4711", ours, ours) == ""
    assert differing("tcp://10.0.0.7:4711", {**ours, "bulkprof": "1.1.0"}, ours) == (
        "worker tcp://10.0.0.7:4711 has bulkprof 1.1.0, and this process has 1.2.0; both need the same"
    )
    assert differing("tcp://10.0.0.7:4711", {**ours, "Python": "3.13"}, ours) == (
        "worker tcp://10.0.0.7:4711 has Python 3.13, and this process has 3.11; both need the same"
    )
    assert differing("tcp://10.0.0.7:4711", {**ours, "bulkprof": None}, ours) == (
        "worker tcp://10.0.0.7:4711 has no bulkprof; install it there: pip install 'bulkprof[dask]==1.2.0'"
    )


class Seen:
    """A watch that counts, and a progress."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[Target, str]] = Counter()
        self.steps = 0

    def __call__(self, outcome: Outcome) -> None:
        self.outcomes[outcome.target, str(outcome.kind)] += 1

    def step(self, count: int = 1) -> None:
        self.steps += count

    def outcome(self, outcome: Outcome) -> None:
        raise AssertionError("outcomes go through the watch")


class Told(Ui):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def warn(self, message: str) -> None:
        self.lines.append(f"warning: {message}")

    def note(self, message: str) -> None:
        self.lines.append(message)


def report(attempt: str, *, share: int = 1, steps: int = 0, told: str = "", **outcomes: int) -> Report:
    found = [(HERE.account, HERE.region, outcomes)] if outcomes else []
    return Report(share=share, attempt=attempt, steps=steps, outcomes=found, told=[("warning", told)] if told else [])


def test_outcomes_are_told_as_they_are_reported_and_once() -> None:
    seen = Seen()
    board = Board(Ui(), watch=seen)
    board.hear(report("a", created=2))
    board.hear(report("a", created=1, failed=1))
    assert seen.outcomes == {(HERE, "created"): 3, (HERE, "failed"): 1}
    board.home(1, "a", 0, {(HERE, "created"): 4, (HERE, "failed"): 1, (THERE, "created"): 2})
    # What is reported late has come home already.
    board.hear(report("a", created=1))
    assert seen.outcomes == {(HERE, "created"): 4, (HERE, "failed"): 1, (THERE, "created"): 2}


def test_a_share_whose_worker_was_lost_is_not_told_twice() -> None:
    seen = Seen()
    board = Board(Ui(), watch=seen)
    board.hear(report("a", created=3))
    board.hear(report("b", created=2))
    assert seen.outcomes == {(HERE, "created"): 3}
    board.hear(report("b", created=2))
    assert seen.outcomes == {(HERE, "created"): 4}


def test_what_is_left_of_a_share_that_came_home_is_told_on_top() -> None:
    seen = Seen()
    board = Board(Ui(), watch=seen)
    board.hear(report("a", created=3))
    board.home(1, "a", 0, {(HERE, "created"): 3})
    board.hear(report("b", share=9, created=2))
    board.home(9, "b", 0, {(HERE, "created"): 2})
    assert seen.outcomes == {(HERE, "created"): 5}


def test_targets_are_counted_and_workers_warnings_left_to_the_shares_while_planning() -> None:
    seen, told = Seen(), Told()
    board = Board(told, progress=seen)
    board.hear(report("a", steps=2, told="odd"))
    board.hear(report("a", steps=1))
    board.home(1, "a", 4, {})
    assert (seen.steps, told.lines) == (4, [])


def test_many_workers_that_warn_of_the_same_are_one_warning() -> None:
    told = Told()
    board = Board(told, watch=Seen())
    board.hear(report("a", told="few files can be open at once"))
    board.hear(report("b", share=2, told="few files can be open at once"))
    assert told.lines == ["warning: few files can be open at once"]


def test_kinds_of_outcomes_travel_by_their_names() -> None:
    seen = Seen()
    Board(Ui(), watch=seen).hear(report("a", **{str(kind): 1 for kind in OutcomeKind}))
    assert {kind for _, kind in seen.outcomes} == {str(kind) for kind in OutcomeKind}
