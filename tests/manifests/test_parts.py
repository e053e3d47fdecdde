"""Files that are cut give the same rows as whole ones, wherever they are cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulkprof.config import ColumnNames
from bulkprof.manifests.cells import Rejected
from bulkprof.manifests.csv_rows import parse_csv
from bulkprof.manifests.parallel import parts
from bulkprof.manifests.parallel.parts import Part, cut
from bulkprof.manifests.readers import WITH_LIBRARIES, builtin_readers
from bulkprof.model import Problem, Request
from bulkprof.plugins.api import Source
from bulkprof.tables.encoding import WHOLE

PIECES = ["a", "b c", "é", ",", ",", "\n", "\n", "\r\n", "\r", '"', '""', ";", "\t", " ", "\0", "\ud800", "tag:x"]
HEADERS = ["name,team\n", "name;team\n", '"name","team"\n', "\n\nname\n", "sep=;\nname;team\n", "nmae,team\n"]
HEADERS += ["\ufeffname\n", '"na\nme"\n', ""]
contents = st.builds(
    lambda header, rest: (header + "".join(rest)).encode("utf-8", "surrogatepass"),
    st.sampled_from(HEADERS),
    st.lists(st.sampled_from(PIECES), max_size=60),
)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "SIZE", 16)


def understood(pieces: list[Part]) -> Iterator[Request | Problem]:
    for piece in pieces:
        for batch in piece.batches():
            for item in batch.understood():
                yield from item.problems if isinstance(item, Rejected) else [item]


@given(content=contents)
@example(content=b'name,team\n"a\nb",c\nd,"e"\nf,g"h\n"i""j",k\nl,m\nn,o\n')
@example(content=b"name,team\r\n" + b"a,b\r\n" * 20)
@example(content=b"name,team\n" + b"a,b\r" * 20)
@example(content=b"name,team\n" + b"a,\xff\n" * 20)
def test_csv(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(content)
        whole = [Part(Source(str(path), path), WHOLE, parse_csv)]
        assert list(understood(cut(str(path)))) == list(understood(whole))


def test_plain_rows_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("name,team\n" + "".join(f"a{number:03},b\n" for number in range(40)))
    found = cut(str(path))
    assert len(found) > 20
    assert [part.span.line for part in found[:3]] == [1, 2, 4]
    assert found[-1].span.end is None
    assert len(list(understood(found))) == 40


def test_rows_with_quotes_are_cut_where_no_cell_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('name\n"a, b, c, d"\n"e, f, g, h"\n"i\nj"\n' + "k\n" * 40)
    assert [part.span.line for part in cut(str(path))] == [1, 2, 3]


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson"])
def test_json_lines_are_cut(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text("".join(f'{{"name": "a{number}"}}\n' for number in range(20)) + "[\n")
    found = cut(str(path))
    assert len(found) > 10
    *rows, problem = understood(found)
    assert [row.line for row in rows] == list(range(1, 21))
    assert str(problem).startswith(f"{path}:21: ")


def test_all_formats_that_need_no_library_can_be_read_in_parts(tmp_path: Path) -> None:
    for suffix in builtin_readers():
        (tmp_path / f"a{suffix}").write_text("[]")
        # A plugin may read the others instead.
        assert bool(cut(str(tmp_path / f"a{suffix}"))) is (suffix not in WITH_LIBRARIES), suffix


def test_what_is_not_cut(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[" + '{"name": "a"},\n' * 20 + '{"name": "b"}]')
    (tmp_path / "wide.csv").write_bytes(("name\n" + "a\n" * 40).encode("utf-16"))
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "long.csv").write_text("name\n" + "a" * 100)
    (tmp_path / "late.csv").write_text("\n" * 20 + "name\n" + "a\n" * 40)
    for name in ("a.json", "wide.csv", "empty.csv", "late.csv"):
        assert [part.span for part in cut(str(tmp_path / name))] == [WHOLE]
    assert [part.span.end for part in cut(str(tmp_path / "long.csv"))] == [5, None]
    assert cut(str(tmp_path / "a.xlsx")) == []


def test_a_file_that_is_called_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "0.csv"
    path.write_text("name,Konto,Notes\na,111122223333,b\n")
    naming = ColumnNames({"account": ["Konto"], "ignore": ["Notes"]})
    (part,) = cut("s3://example/teams.csv", None, naming, str(path))
    (request,) = (item for batch in part.batches() for item in batch.understood())
    assert isinstance(request, Request)
    assert (request.file, request.accounts, request.attributes) == ("s3://example/teams.csv", ("111122223333",), {})
