"""CSV files as such, whatever their columns mean: encodings, delimiters, odd first lines, broken rows."""

from __future__ import annotations

import io

import pytest

from bulkprof.model import Problem, RawRow
from bulkprof.tables.csv_table import Table, is_table, unique
from bulkprof.tables.dialect import cells_of, likely_delimiter
from bulkprof.tables.encoding import WHOLE

COLUMNS = {"code", "owner"}


def read(data: bytes) -> tuple[list[str], list[Problem], list[RawRow | Problem]]:
    """The header of a file, what is wrong with its beginning, and its rows."""
    table = Table(io.BytesIO(data), "codes.csv", WHOLE, COLUMNS.__contains__)
    return table.header, table.problems, [] if table.problems else list(table.rows(unique(table.header)))


@pytest.mark.parametrize(
    "data",
    [
        b"code,owner\n1,Zo\xc3\xab\n",
        b"\xef\xbb\xbfcode;owner\r\n1;Zo\xc3\xab\r\n",
        b"sep=;\ncode;owner\n1;Zo\xc3\xab\n",
        b"code\towner\n1\tZo\xc3\xab\n",
        b'\n\ncode,owner\n1,"Zo\xc3\xab"',
    ],
    ids=["commas", "semicolons with a mark", "declared", "tabs", "blank lines above"],
)
def test_one_table_in_many_forms(data: bytes) -> None:
    header, problems, rows = read(data)
    assert (header, problems) == (["code", "owner"], [])
    assert [row.cells for row in rows if isinstance(row, RawRow)] == [{"code": "1", "owner": "Zoë"}]


def test_a_file_in_utf_16_is_one_problem_that_says_so() -> None:
    header, problems, _ = read("code,owner\n1,Zoë\n".encode("utf-16"))
    assert header == []
    assert ["UTF-16" in str(problem) for problem in problems] == [True]


def test_a_row_with_too_many_cells_is_a_problem_in_its_place() -> None:
    _, problems, rows = read(b"code,owner\n1,a\n2,b,c\n3,d\n")
    assert problems == []
    assert [row.line for row in rows] == [2, 3, 4]
    (bad,) = (row for row in rows if isinstance(row, Problem))
    assert (bad.file, bad.line) == ("codes.csv", 3)


def test_text_in_another_encoding_is_a_problem_of_its_row() -> None:
    _, _, rows = read(b"code,owner\n1,Zo\xeb\n2,b\n")
    assert [type(row) for row in rows] == [Problem, RawRow]


def test_repeated_and_empty_names_are_told_apart() -> None:
    names = unique(["code", "", "code", ""])
    assert len(set(names)) == 4
    assert names[0] == "code"


def test_the_delimiter_is_the_one_that_shows_known_columns() -> None:
    assert likely_delimiter("a,b,c;code;owner", COLUMNS.__contains__) == ";"
    assert cells_of('code;"a;b"', ";") == ["code", "a;b"]


def test_a_cut_inside_quotes_is_no_whole_table() -> None:
    assert is_table('1,"a\nb"\n', ",")
    assert not is_table('1,"a\n', ",")
