"""A column that looks like a known one is taken for it or refused, whatever it is made of; it is never an attribute."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

import anyio
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bulkprof.manifests.columns import KNOWN, understand
from tests.manifests.reading import read_bytes

INVISIBLE = st.sampled_from(
    ["", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\ufe0f", "\ufe01", "\u034f", "\u180e", "\u202e",
     "\u115f", "\u3164", "\U000e0041", "\U000e0101", "\u2063", "\u061c", "\u17b5"]
)  # fmt: skip
BLANKS = st.text(st.sampled_from(" \u00a0\u3000\u2003\u2800\u202f"), max_size=2)
ALIKE = {
    "a": "\u0430\u03b1\u0251\uff41\u1d00\u00e1\u0101\U0001d41a\u24d0@\u0410\u0391",
    "c": "\u0441\u03f2\uff43\u1d04\u00e7\u2ca5\U0001d41c\u0421",
    "d": "\u0501\uff44\u1d05\u0111\u217e",
    "e": "\u0435\uff45\u1d07\u00e9\u04bd\u212e\u0415\u0395",
    "g": "\u0261\uff47\u0581\u0262\u0121",
    "i": "\u0456\u03b9\u0131\uff49\u026a\u00ed\u2170!1\u0130",
    "l": "\u04cf\uff4c1|I\u0399\u029f\u217c\u05d5",
    "m": "\u043c\uff4d\u1d0d\u217f\u039c\u041c",
    "n": "\u0578\uff4e\u0274\u00f1\u039d\u057c",
    "o": "\u043e\u03bf\uff4f0\u1d0f\u00f6\u0585\u041e\u039f\u00f8\u2c9f",
    "p": "\u0440\u03c1\uff50\u1d18\u0420\u03a1",
    "r": "\u0433\uff52\u0280\u1d26",
    "s": "\u0455\uff53\ua731\u015b$5\u0405",
    "t": "\u03c4\uff54\u1d1b\u0442\u0422\u03a4",
    "u": "\u03c5\uff55\u1d1c\u00fc\u057d",
    ":": "\uff1a\ua789\u02d0\u2236\u05c3",
}


def unseen(word: str) -> st.SearchStrategy[str]:
    """The word in any case and width, with what can't be seen between its letters and around it."""
    letters = [st.sampled_from([char, char.upper(), chr(ord(char) + 0xFEE0)]) for char in word]
    parts = [part for letter in letters for part in (INVISIBLE, letter)]
    return st.tuples(BLANKS, *parts, INVISIBLE, BLANKS).map("".join)


def alike(word: str) -> st.SearchStrategy[str]:
    """The same, with letters among them that only look like those of the word."""
    letters = [st.sampled_from([char, char.upper(), *ALIKE.get(char, "")]) for char in word]
    parts = [part for letter in letters for part in (INVISIBLE, letter)]
    return st.tuples(BLANKS, *parts, INVISIBLE, BLANKS).map("".join)


@given(st.data(), st.sampled_from(KNOWN))
def test_what_cannot_be_seen_is_understood(data: st.DataObject, column: str) -> None:
    columns = understand(["team", data.draw(unseen(column))])
    assert (getattr(columns, column), columns.faults) == (1, ())


@given(unseen("tag:"), st.sampled_from(["Team", "cost-center"]), BLANKS)
def test_tags_are_understood(prefix: str, key: str, blanks: str) -> None:
    columns = understand(["name", prefix + blanks + key])
    assert (columns.tags, columns.faults) == (((1, key),), ())


@given(st.data(), st.sampled_from([*KNOWN, "tag:"]))
@settings(max_examples=500)
def test_what_looks_like_a_known_column_is_never_an_attribute(data: st.DataObject, column: str) -> None:
    name = data.draw(alike(column))
    columns = understand(["team", name + "Team" * (column == "tag:")], tag_object=False)
    assert columns.faults or columns.attributes == ((0, "team"),)


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl"])
@given(data=st.data(), column=st.sampled_from(["account", "region", "model"]))
@settings(max_examples=60, deadline=None)
def test_no_row_loses_what_a_column_says(suffix: str, data: st.DataObject, column: str) -> None:
    values = {"account": "111122223333", "region": "eu-west-1", "model": "nova"}
    written = data.draw(unseen(column) | alike(column))
    row = {"name": "one", written: values[column]}
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([row.keys(), row.values()])
    text = {".csv": out.getvalue(), ".json": json.dumps([row]), ".jsonl": json.dumps(row) + "\n"}[suffix]
    with tempfile.TemporaryDirectory() as folder:
        requests, problems = anyio.run(read_bytes, Path(folder), "any" + suffix, text)
    assert bool(requests) != bool(problems)
    for request in requests:
        assert getattr(request, column + "s") == (values[column],)


@given(st.text(max_size=12))
@example("\u0130")
@example("\u0345")
@example("account")
@example("\U0001f170")
def test_any_name_is_understood_in_some_way(name: str) -> None:
    columns = understand([name])
    is_known = any(map(columns.has, KNOWN)) or columns.tag_object == 0
    assert columns.faults or columns.attributes or columns.tags or is_known
