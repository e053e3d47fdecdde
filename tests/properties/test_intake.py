"""What must hold for any manifest: rows or problems, never a traceback."""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
from pathlib import Path

import anyio
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bulkprof import limits
from bulkprof.manifests.csv_rows import parse_csv
from bulkprof.plugins.api import RawRow, Source
from tests.manifests.making import xlsx
from tests.manifests.reading import read_all, read_bytes

PIECES = st.lists(
    st.sampled_from(
        [b"name", b"model", b"tag:A", b",", b";", b"\t", b'"', b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf",
         b"[", b"]", b"{", b"}", b":", b'"name"', b'"tags"', b'"profiles"', b"1e9", b"NaN", b"\\ud800", b"|", b"a",
         b"- ", b": ", b"? ", b"&a ", b"*a", b"!a ", b"<<", b"---\n", b"...\n", b"'", b"PK\x03\x04"]
    )
    | st.binary(max_size=4),
    max_size=40,
).map(b"".join)  # fmt: skip


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl", ".yaml", ".xlsx"])
@given(content=PIECES | st.binary(max_size=200))
@settings(max_examples=250, deadline=None)
def test_any_bytes_are_rows_or_problems(suffix: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        requests, problems = anyio.run(read_bytes, Path(folder), "any" + suffix, content)
    assert requests or problems
    for problem in problems:
        str(problem).encode()


@given(
    rows=st.lists(
        st.tuples(
            *[st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=12)] * 3
        ),
        min_size=1,
        max_size=8,
    ),
    delimiter=st.sampled_from(",;\t"),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    bom=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_csv_comes_back_as_written(rows: list[tuple[str, str, str]], delimiter: str, ending: str, bom: bool) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["name", "team", "note"])
    writer.writerows(rows)
    text = ("\ufeff" if bom else "") + out.getvalue().replace("\n", ending)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(text.encode())
        found = list(parse_csv(Source("a.csv", path)))
    assert all(isinstance(row, RawRow) for row in found)
    kept = [row for row in rows if "".join(row).strip()]
    assert [tuple(row.cells.values()) for row in found if isinstance(row, RawRow)] == kept
    lines, line = [], 2
    for row in rows:
        if "".join(row).strip():
            lines.append(line)
        line += 1 + sum(cell.count("\n") for cell in row)
    assert [row.line for row in found if isinstance(row, RawRow)] == lines


CELLS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"], exclude_characters="\ufffe\uffff"), max_size=12
)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_all_formats_say_the_same(rows: list[tuple[str, str]]) -> None:
    head = ["team", "note"]
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(
        [["name", *head], *([f"n{n}", *row] for n, row in enumerate(rows))]
    )
    cells = [{"name": f"n{n}", **dict(zip(head, row, strict=True))} for n, row in enumerate(rows)]
    with tempfile.TemporaryDirectory() as folder:
        found = [
            anyio.run(read_bytes, Path(folder), name, content)
            for name, content in (
                ("a.csv", out.getvalue()),
                ("a.json", json.dumps(cells)),
                ("a.yaml", yaml.safe_dump(cells, allow_unicode=True)),
            )
        ]
        sheet = {"T": [["name", *head], *([f"n{n}", *row] for n, row in enumerate(rows))]}
        found.append(anyio.run(read_all, [str(xlsx(Path(folder) / "a.xlsx", sheet))]))
    (first, problems), *others = [([(row.name, row.attributes) for row in requests], told) for requests, told in found]
    assert problems == []
    assert others == [(first, [])] * 3


@given(st.text(st.sampled_from("aZ0 _-.:\n\u00e9\u0663"), max_size=20))
@settings(max_examples=500)
@example("0--")
@example(":--")
def test_words_agree_with_the_pattern_of_aws(text: str) -> None:
    assert (limits.name_fault(text) is None) == bool(re.fullmatch(r"([0-9a-zA-Z][ _-]?)+", text))
    assert (limits.description_fault(text) is None) == bool(re.fullmatch(r"([0-9a-zA-Z:.][ _-]?)+", text))


@given(st.text(max_size=80))
def test_what_is_suggested_is_right(text: str) -> None:
    fault = limits.name_fault(text)
    example = re.search(r"e\.g\. '(.*)'$", fault.remedy) if fault else None
    if example:
        assert limits.name_fault(example[1]) is None


def test_a_long_bad_name_is_refused_at_once() -> None:
    assert limits.name_fault("a" * 100_000 + "!")
    assert limits.description_fault("a-" * 100_000 + "!")
