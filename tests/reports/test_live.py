"""The live picture of a step: the busiest targets, in terminals of any width, by the clock and not by the call."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
from rich.console import Console

from bulkprof.engine.lane import Lane
from bulkprof.model import ActionKind, Outcome, OutcomeKind, Target
from bulkprof.profiles.operations import Operation
from bulkprof.reports.progress import Busiest, ProgressView, Remaining, view
from bulkprof.reports.progress.live import Picture, short
from bulkprof.ui import TargetAtWork

PLACES = [Target(f"{number:012}", "ap-southeast-2") for number in (111122223333, 222233334444, 333344445555)]
A, B, C = PLACES
ROWS = (
    TargetAtWork(B, 75.2, 12, 1200, 34000, 12.34, 3700.0),
    TargetAtWork(A, 75.2, 0, 3, 25, 0.5, 44.0),
    TargetAtWork(C, 75.2, 0, 0, 25),
)


def drawn(picture: Picture, width: int, height: int = 24) -> list[str]:
    console = Console(width=width, height=height, force_terminal=True, color_system=None, legacy_windows=False)
    with console.capture() as told:
        console.print(picture)
    return [line.rstrip() for line in told.get().splitlines()]


def test_a_wide_terminal_shows_all() -> None:
    bar, *table = drawn(Picture("profiles", 1203, 34050, 7, "about 1 h 5 min", ROWS), 120)
    assert bar.split("━")[0] == "profiles "
    assert bar.endswith(" 1203/34050 7 failed about 1 h 5 min left")
    assert table == [
        "target                             done    rate  throttled       left",
        "111122223333/ap-southeast-2        3/25   0.5/s          0       44 s",
        "222233334444/ap-southeast-2  1200/34000  12.3/s         12  1 h 2 min",
        "333344445555/ap-southeast-2        0/25                  0",
    ]


@pytest.mark.parametrize("width", [200, 120, 80, 72, 66, 60, 55, 50, 45, 40])
def test_no_word_is_broken(width: int) -> None:
    picture = Picture("observing targets", 1203, 34050, 700, "less than a minute", ROWS)
    lines = drawn(picture, width)
    assert max(map(len, lines)) < width
    assert len(lines) == 5
    whole = {word for line in drawn(picture, 200) for word in line.split()} | {"<1"}
    assert {word for line in lines for word in line.split() if not set(word) <= set("━╸╺")} <= whole
    assert [line.split()[0] for line in lines[2:]] == [str(place) for place in PLACES]


@pytest.mark.parametrize(
    ("width", "headers"),
    [
        (80, "target done rate throttled left"),
        (60, "target done throttled left"),
        (54, "target done left"),
        (40, "target left"),
    ],
)
def test_what_can_be_spared_goes_first(width: int, headers: str) -> None:
    assert drawn(Picture("profiles", 1, 2, targets=ROWS), width)[1].split() == headers.split()


def test_while_targets_are_observed_it_says_since_when() -> None:
    rows = [TargetAtWork(A, 12.4, 2, rate=3.0), TargetAtWork(B, 0.0, 0)]
    assert drawn(Picture("observing targets", 0, 9, targets=rows), 80)[1:] == [
        "target                       since   rate  throttled",
        "111122223333/ap-southeast-2   12 s  3.0/s          2",
        "222233334444/ap-southeast-2    0 s                 0",
    ]


def test_a_low_terminal_gets_fewer_targets() -> None:
    assert len(drawn(Picture("profiles", 1, 2, targets=ROWS), 80, height=6)) == 2 + 2


def test_short() -> None:
    assert [short(text) for text in ("less than a minute", "about 3 min", "about 1 h 0 min")] == [
        "<1 min",
        "3 min",
        "1 h 0 min",
    ]


# What it shows


def lane(*operations: str, began: float = 0.0, throttles: int = 0) -> Lane:
    """A lane, as far as it is looked at; the time is 100."""
    traffic = SimpleNamespace(clock=lambda: 100.0)
    made = SimpleNamespace(operations=operations, began=began, throttles=throttles, traffic=traffic)
    return cast("Lane", made)


def test_the_busiest_are_those_with_most_to_do() -> None:
    create = ActionKind.CREATE
    left = Remaining({A: {create: 5}, B: {create: 9, ActionKind.DELETE: 4}, C: {create: 7}}, rate, 8)
    left.take(Outcome(1, B, "a", OutcomeKind.CREATED))
    # C isn't begun yet.
    look = Busiest({A: lane(), B: lane(began=90.0, throttles=3)}, rate, left)
    assert look(8) == [
        TargetAtWork(B, 10.0, 3, 1, 13, 2.0, 4.0),
        TargetAtWork(A, 100.0, 0, 0, 5),
    ]
    assert [each.target for each in look(1)] == [B]
    for number in range(5):
        left.take(Outcome(number, A, "a", OutcomeKind.FAILED))
    assert [each.target for each in look(8)] == [B]


def test_while_observing_the_busiest_are_those_that_take_longest() -> None:
    look = Busiest({A: lane(began=95.0), B: lane(Operation.CREATE, Operation.LIST, began=90.0, throttles=1)}, rate)
    assert look(8) == [TargetAtWork(B, 10.0, 1, rate=2.0), TargetAtWork(A, 5.0, 0)]
    assert [each.target for each in look(1)] == [B]


RATES: dict[str, float] = {Operation.CREATE: 2.0, Operation.DELETE: 8.0}


def rate(target: Target, operation: str) -> float | None:
    """Only one target was ever throttled."""
    return RATES.get(operation) if target == B else None


# When it looks


def terminal() -> Console:
    return Console(force_terminal=True, width=80, no_color=True, legacy_windows=False)


def test_calls_cost_no_look() -> None:
    now, looks = [0.0], 0

    def busiest(most: int) -> Sequence[TargetAtWork]:
        nonlocal looks
        looks += 1
        return ROWS[:most]

    console = terminal()
    with (
        console.capture(),
        ProgressView(console, "profiles", 9, say=print, busiest=busiest, clock=lambda: now[0]) as at,
    ):
        begun = looks
        for _ in range(1000):
            at.step()
        assert looks == begun
        now[0] += view.TICK_S
        at.step()
        assert looks == begun + 1


async def test_time_goes_by_where_no_call_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "TICK_S", 0.0)
    looks, often = [0], anyio.Event()

    def busiest(most: int) -> Sequence[TargetAtWork]:
        looks[0] += 1
        if looks[0] == 5:
            often.set()
        return ()

    def clock() -> float:
        """Stands still: a look that took long would put off the next one."""
        return 0.0

    console = terminal()
    with (
        console.capture() as told,
        ProgressView(console, "profiles", 9, say=print, busiest=busiest, clock=clock) as at,
    ):
        with anyio.fail_after(10):
            await often.wait()
        at.pause()
        paused = looks[0]
        await anyio.lowlevel.checkpoint()
        assert looks[0] == paused
        at.resume()
        assert looks[0] == paused + 1
    # The cursor is never left hidden, however the process ends.
    assert told.get().count("\x1b[?25h") == 2 * told.get().count("\x1b[?25l") == 4


def test_without_a_picture_nothing_is_looked_at() -> None:
    def busiest(most: int) -> Any:
        raise AssertionError(most)

    with ProgressView(None, "profiles", 9, say=print, busiest=busiest) as at:
        at.step()
        at.pause()
        at.resume()
