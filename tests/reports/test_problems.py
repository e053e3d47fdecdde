"""The same problem in many rows is one line, and what is held of it stays little."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from bulkprof.model import Problem, Severity
from bulkprof.reports import problems as module
from bulkprof.reports.problems import ProblemLines, SameProblem


def told(found: Iterable[Problem]) -> list[str]:
    lines: list[str] = []
    reporter = ProblemLines(lambda same: lines.append(str(same)))
    for problem in found:
        reporter.add(problem)
    reporter.end()
    return lines


def of(*rows: int, value: str = "R&D", file: str = "m.csv", severity: Severity = Severity.ERROR) -> list[Problem]:
    return [Problem("is wrong", file, row, "tag:Team", value, "mend it", severity) for row in rows]


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        ([7], "m.csv:7"),
        ([7, 7], "m.csv:7"),
        ([7, 8], "m.csv:7\N{EN DASH}8 (2 rows)"),
        ([7, 8, 8, 9, 12], "m.csv:7\N{EN DASH}9, 12 (4 rows)"),
        ([1, 3, 5, 7, 9], "m.csv:1, 3, 5, 7, 9 (5 rows)"),
        ([1, 3, 5, 7, 9, 10, 12], "m.csv:1, 3, 5, 7, 9\N{EN DASH}10, … 12 (7 rows)"),
        ([1, 3, 5, 7, 9, 11, 12, 13], "m.csv:1, 3, 5, 7, 9, … 13 (8 rows)"),
    ],
)
def test_rows_are_put_together(rows: list[int], place: str) -> None:
    assert told(of(*rows)) == [f"{place}: tag:Team 'R&D': is wrong; mend it"]


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        ([3], "m.json:1, row 3"),
        ([3, 3], "m.json:1, row 3"),
        ([1, 2, 5], "m.json:1, rows 1\N{EN DASH}2, 5 (3 rows)"),
        ([1, 3, 5, 7, 9, 11, 12], "m.json:1, rows 1, 3, 5, 7, 9, … 12 (7 rows)"),
    ],
)
def test_rows_of_one_line_are_put_together_by_their_numbers(rows: list[int], place: str) -> None:
    assert told(Problem("is wrong", "m.json", 1, row=row) for row in rows) == [f"{place}: is wrong"]


def test_rows_of_other_lines_have_a_line_of_their_own() -> None:
    found = [Problem("is wrong", "m.json", line, row=row) for line, row in ((1, 1), (1, 2), (2, 0), (3, 2))]
    assert told(found) == [
        "m.json:1, rows 1\N{EN DASH}2 (2 rows): is wrong",
        "m.json:2: is wrong",
        "m.json:3, row 2: is wrong",
    ]


def test_warnings_are_put_together_too() -> None:
    (line,) = told(of(2, 3, severity=Severity.WARNING))
    assert line == "warning: m.csv:2\N{EN DASH}3 (2 rows): tag:Team 'R&D': is wrong; mend it"


def test_other_values_and_files_have_lines_of_their_own_in_the_order_of_their_first_rows() -> None:
    found = [*of(2), *of(2, value="a"), *of(3), *of(3, value="b"), *of(4, value="a"), *of(2, file="n.csv")]
    assert [line.partition(": tag")[0] for line in told([*found, Problem("is empty", "o.csv"), Problem("no")])] == [
        "m.csv:2\N{EN DASH}3 (2 rows)",
        "m.csv:2, 4 (2 rows)",
        "m.csv:3",
        "n.csv:2",
        "o.csv: is empty",
        "no",
    ]


def test_little_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HELD", 3)
    lines: list[SameProblem] = []
    reporter = ProblemLines(lines.append)
    for row in range(1, 1001):
        for problem in [*of(row), *of(row, value=str(row))]:
            reporter.add(problem)
    # The one that all rows have is never let go of.
    assert [same.first.value for same in lines] == [str(row) for row in range(1, 999)]
    reporter.end()
    assert [str(same).partition(": tag")[0] for same in lines[998:]] == [
        "m.csv:1\N{EN DASH}1000 (1000 rows)",
        "m.csv:999",
        "m.csv:1000",
    ]


def test_rows_that_are_far_apart_take_no_more_room() -> None:
    same = SameProblem(of(1)[0], 1)
    for problem in of(*range(3, 100_001, 2)):
        same.add(problem)
    assert len(same._ranges) == module.SHOWN
    assert str(same).startswith("m.csv:1, 3, 5, 7, 9, … 99999 (50000 rows): ")
