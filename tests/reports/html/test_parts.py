"""The picture of calls over time, and the map of targets: in proportion, and bounded for the largest runs."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from bulkprof.model import OutcomeKind, Target
from bulkprof.reports.html import targets
from bulkprof.reports.html.picture import HEIGHT, WIDTH, picture_of
from bulkprof.reports.html.targets import Cell, map_of
from bulkprof.totals import CallCount

MADE, SAME, BAD, DARK = OutcomeKind.CREATED, OutcomeKind.UNCHANGED, OutcomeKind.FAILED, OutcomeKind.UNKNOWN


def bars(path: str) -> list[tuple[float, float, float, float]]:
    """The bars of a path: left, right, top, bottom."""
    found = re.findall(r"M([\d.]+) ([\d.]+)V([\d.]+)H([\d.]+)V[\d.]+Z", path)
    return [(float(left), float(right), float(top), float(bottom)) for left, bottom, top, right in found]


def test_bars_are_in_proportion() -> None:
    slices = {100: CallCount(30), 101: CallCount(10, 3, 1), 104: CallCount(2, 2)}
    picture = picture_of({"Create": slices}, 1, {"Create": CallCount(42, 5, 1)})
    (plot,) = picture.plots
    step, unit = WIDTH / 20, HEIGHT / 34
    assert plot.base == pytest.approx(30 * unit, abs=0.01)
    assert bars(plot.accepted) == [
        pytest.approx((0, step, 0, 30 * unit), abs=0.01),
        pytest.approx((step, 2 * step, 24 * unit, 30 * unit), abs=0.01),
    ]
    assert bars(plot.throttled) == [
        pytest.approx((step, 2 * step, 30 * unit, 33 * unit), abs=0.01),
        pytest.approx((4 * step, 5 * step, 30 * unit, 32 * unit), abs=0.01),
    ]
    assert bars(plot.failed) == [pytest.approx((step, 2 * step, 33 * unit, 34 * unit), abs=0.01)]
    assert (plot.peak, picture.first, picture.last, picture.pauses) == ("30", 100, 120, ())


def test_operations_share_one_axis_of_time_and_long_slices_are_told_by_the_second() -> None:
    picture = picture_of({"List": {0: CallCount(8)}, "Create": {240: CallCount(4)}}, 8, {})
    assert [plot.operation for plot in picture.plots] == ["Create", "List"]
    assert [plot.peak for plot in picture.plots] == ["0.5", "1"]
    assert picture.pauses != ()
    create, listed = (bars(plot.accepted)[0] for plot in picture.plots)
    assert create[0] > listed[1]


def test_a_pause_is_cut_out_and_told() -> None:
    day = 86_400
    slices = {at: CallCount(1) for at in (0, 1, day, day + 1)}
    picture = picture_of({"Create": slices}, 1, {})
    (pause,) = picture.pauses
    assert picture.paused == day - 2
    before, after = bars(picture.plots[0].accepted)[1], bars(picture.plots[0].accepted)[2]
    assert before[1] < pause < after[0]
    assert after[1] < WIDTH / 2


def test_no_times_are_no_picture() -> None:
    assert picture_of({}, 1, {"Create": CallCount(3)}).plots == ()


def test_a_cell_shows_the_worst_or_the_most_frequent_change() -> None:
    made = map_of(
        {
            Target("1", "a"): Counter({MADE: 9, OutcomeKind.ADOPTED: 2, SAME: 30}),
            Target("1", "b"): Counter({MADE: 1_000, BAD: 1, DARK: 2}),
            Target("2", "b"): Counter({SAME: 5}),
        }
    )
    assert made.regions == ("a", "b")
    assert [(row.account, row.cells) for row in made.rows] == [
        (
            "1",
            (
                Cell(MADE, "9/41", "9 created, 2 adopted, 30 unchanged"),
                Cell(BAD, "1/1,003", "1 failed, 2 unknown, 1,000 created"),
            ),
        ),
        ("2", (None, Cell(SAME, "5", "5 unchanged"))),
    ]
    assert (made.number, made.kinds, made.left_out) == (3, (BAD, MADE, SAME), "")


def test_large_maps_show_what_needs_attention_and_count_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "MOST_ACCOUNTS", 2)
    monkeypatch.setattr(targets, "MOST_REGIONS", 1)
    counts = {Target(f"{account}", region): Counter({MADE: 3}) for account in range(5) for region in ("a", "b")}
    counts[Target("3", "b")] = Counter({BAD: 2})
    counts[Target("4", "b")] = Counter({BAD: 1})
    counts[Target("2", "b")] = Counter({DARK: 1})
    made = map_of(counts)
    assert ([row.account for row in made.rows], made.regions) == (["3", "2"], ("b",))
    assert made.left_out == (
        "not shown: 3 more accounts, with 1 profile to look at; not shown: 1 more Region, with all in order"
    )
