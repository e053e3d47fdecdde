"""What is shown of text from elsewhere: every character of it, and none that acts."""

from __future__ import annotations

import csv
import io
import json
import pickle
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulkprof.errors import AwsError, BulkprofError, PluginError
from bulkprof.model import Problem
from bulkprof.plugins import printable, printable_lines
from bulkprof.text.printable import Lines, headed, json_text, spreadsheet_cells
from tests.hostile import HOSTILE, assert_harmless

TEXTS = st.text(
    st.one_of(
        st.sampled_from("::##[]\n\r\t\x1b\x07\x85\u2028\u202e\u200b\ud800\U000e0041 \xa0=+-@;'\"|\\"), st.characters()
    ),
    max_size=30,
)


@given(text=TEXTS)
@example(text=HOSTILE)
@example(text="###[x]")
@example(text="\u3000::x::")
def test_any_text_is_one_harmless_line(text: str) -> None:
    shown = printable(text)
    assert_harmless(shown)
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown
    assert "\n" not in headed("error: ", text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zürich, 東京\u3000x\xa0y 👍 ::a ## b [c]", None),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\r\nb\nc\rd\u2029e", "a⏎b⏎c⏎d⏎e"),
        ("\t\x9b\u202e\ufeff", r"\t\x9b\u202e\ufeff"),
        ("\udcff", r"\udcff"),
        ("::add-mask::x", r"\x3a:add-mask::x"),
        (" ::add-mask::x", r" \x3a:add-mask::x"),
        ("x ##[add-mask]y ##vso[z]", r"x \x23#[add-mask]y \x23#vso[z]"),
    ],
)
def test_what_is_shown(text: str, shown: str | None) -> None:
    assert printable(text) == (text if shown is None else shown)


def test_lines_stay_lines_and_each_is_harmless() -> None:
    lines = printable_lines(["one", HOSTILE, "::two"])
    assert_harmless(lines)
    assert len(lines.split("\n")) == 3
    for kept in (printable(lines), pickle.loads(pickle.dumps(lines)), str(BulkprofError(lines))):
        assert (type(kept), kept) == (Lines, lines)
    assert headed("error: ", lines).split("\n")[0] == "error: one"
    # As part of another text, they are text like any other.
    assert "\n" not in printable(f"because: {lines}")


@pytest.mark.parametrize(
    "error",
    [
        BulkprofError(HOSTILE),
        AwsError(HOSTILE, code=HOSTILE, operation=HOSTILE, where=HOSTILE),
        PluginError(HOSTILE, HOSTILE),
        Problem(HOSTILE, file=HOSTILE, line=1, column=HOSTILE, value=HOSTILE, remedy=HOSTILE),
    ],
)
def test_errors_and_problems_are_one_line(error: object) -> None:
    assert_harmless(str(error))
    assert "\n" not in str(error)


def test_findings_of_a_plugin_are_lines() -> None:
    assert str(PluginError("tags", printable_lines(["a.csv:2: x", "a.csv:3: y"]))) == (
        "plugin 'tags': a.csv:2: x\na.csv:3: y"
    )


VALUES = st.recursive(TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))


@given(value=VALUES, ascii_only=st.booleans(), indent=st.sampled_from([None, 2]))
@example(value=HOSTILE, ascii_only=False, indent=None)
def test_json_is_harmless_and_says_the_very_value(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json_text(value, ascii_only=ascii_only, indent=indent)
    # An escaped half of a character may stand beside another half, and is read as one with it.
    assert json.dumps(json.loads(text)) == json.dumps(json.loads(json.dumps(value)))
    assert_harmless(text)
    assert text.isascii() or not ascii_only


CELLS = st.one_of(TEXTS, st.sampled_from(["", "team-a", "arn:aws:bedrock:::x/y", "a\nb", "{}"]))


@given(row=st.lists(CELLS, min_size=2, max_size=4))
@example(row=["a", "=cmd|'/C calc'!A0"])
@example(row=["a", "x;=1+1;y"])
@example(row=["\t=1+1", "\r=1+1"])
@example(row=["a\nb", "c"])
@example(row=["a\n=b", "c"])
def test_no_spreadsheet_runs_a_cell(row: list[str]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerow(spreadsheet_cells(row))
    text = file.getvalue()
    assert text.count("\n") == 1
    assert_harmless(text)
    for delimiter in (",", ";"):
        cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        assert not any(cell.strip().startswith(("=", "+", "-", "@")) for cell in cells)
    if all(cell.isascii() and cell.isalnum() for cell in row):
        assert spreadsheet_cells(row) == row
