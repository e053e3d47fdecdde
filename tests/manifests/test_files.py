"""Files, standard input and readers: what is read, by whom, and what is left behind."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest

from bulkprof.errors import PluginError, UsageError
from bulkprof.manifests.cells import Rejected
from bulkprof.manifests.readers import builtin_readers, merge_readers
from bulkprof.manifests.requests import read_batches
from bulkprof.model import Problem
from bulkprof.plugins import RawRow, Source, hookimpl
from bulkprof.plugins.registry import Registry
from tests.manifests.reading import read_all

CSV = "name,model\na,m\n"


async def test_several_manifests_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text(CSV)
    (tmp_path / "a.JSON").write_text('[{"name": "b"}]')
    requests, problems = await read_all([str(tmp_path / "b.csv"), str(tmp_path / "a.JSON"), "-"], b"name\nc\n")
    assert problems == []
    assert [(row.name, Path(row.file).name) for row in requests] == [("a", "b.csv"), ("b", "a.JSON"), ("c", "-")]


async def test_unreadable_files_are_problems(tmp_path: Path) -> None:
    good = tmp_path / "a.csv"
    good.write_text(CSV)
    (tmp_path / "link.csv").symlink_to(good)
    (tmp_path / "a.txt").write_text(CSV)
    labels = [tmp_path / "none.csv", tmp_path, good, good, tmp_path / "link.csv", tmp_path / "a.txt", "bad\0name"]
    requests, problems = await read_all([*map(str, labels), "-", "-"], CSV.encode())
    assert len(requests) == 2
    for problem, said in zip(
        problems,
        ["no such file", "is a directory", "given twice", "given twice (as", "ending in .txt; known are .csv, .json",
         "not a file's name", "given twice"],
        strict=True,
    ):  # fmt: skip
        assert said in str(problem)
        assert problem.line == 0


async def test_no_manifest_is_wrong_usage() -> None:
    with pytest.raises(UsageError):
        await read_all([])


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("name\na\n", ["a"]),
        ('\ufeff\n [{"name": "a"}]', ["a"]),
        ('{"profiles": [{"name": "a"}]}', ["a"]),
        ('{\n"profiles": [{"name": "a"}]}', ["a"]),
        ('{"name": "a"}\n{"name": "b"}\n', ["a", "b"]),
        ('\n{"name": "a"}', ["a"]),
    ],
)
async def test_standard_input_is_told_by_its_content(
    content: str, names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    requests, problems = await read_all(["-"], content.encode())
    assert problems == []
    assert [row.name for row in requests] == names
    assert os.listdir(tmp_path) == []  # noqa: PTH208


async def test_waiting_for_a_pipe_can_be_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    reading, writing = os.pipe()
    os.write(writing, b"name\n")
    with os.fdopen(reading, "rb", buffering=0) as stream, os.fdopen(writing, "wb"):
        with anyio.move_on_after(0.05) as scope:
            async for _ in read_batches(["-"], builtin_readers(), streams={"-": stream}):
                pytest.fail("nothing was written yet")
        assert scope.cancelled_caught
    assert os.listdir(tmp_path) == []  # noqa: PTH208


async def test_a_pipe_is_read_to_its_end() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as sender:
        sender.write(CSV.encode())
    with os.fdopen(reading, "rb", buffering=0) as stream:
        found = [
            item
            async for batch in read_batches(["-"], builtin_readers(), streams={"-": stream})
            for item in batch.understood()
        ]
    assert [getattr(row, "name", None) for row in found] == ["a"]


@pytest.mark.parametrize("name", ["pipe", "pipe.csv", "pipe.json"])
async def test_a_named_pipe_is_read_as_its_name_or_else_its_content_says(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    os.mkfifo(path)

    def write() -> None:
        path.write_text('[{"name": "a"}]' if name.endswith("json") else CSV)

    async with anyio.create_task_group() as group:
        group.start_soon(anyio.to_thread.run_sync, write)
        requests, problems = await read_all([str(path)])
    assert [row.name for row in requests] == ["a"]
    assert not problems


async def test_a_pipe_without_a_writer_can_be_left(tmp_path: Path) -> None:
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    with anyio.move_on_after(0.05) as scope:
        await read_all([str(path)])
    assert scope.cancelled_caught
    assert str(path) not in open_files()


async def test_what_the_shell_has_opened_is_read_by_its_content(tmp_path: Path) -> None:
    """`<(…)` is a pipe; `/dev/stdin` may as well be a file."""
    file = tmp_path / "a.csv"
    file.write_text(CSV)
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as sender:
        sender.write(CSV.encode())
    with os.fdopen(reading, "rb"), file.open("rb") as opened:
        for label in (f"/dev/fd/{reading}", f"/dev/fd/{opened.fileno()}"):
            requests, problems = await read_all([label])
            assert ([row.name for row in requests], problems) == (["a"], [])


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero"])
async def test_a_device_is_no_manifest(device: str) -> None:
    requests, (problem,) = await read_all([device])
    assert not requests
    assert "neither a file nor a pipe" in problem.message


async def test_leaving_early_closes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("name\n" + "a\n" * 5000)
    async with aclosing(read_batches([str(path)], builtin_readers())) as batches:
        assert len((await anext(batches)).rows) == 500
    assert str(path) not in open_files()


def open_files() -> set[str]:
    return {os.path.realpath(descriptor) for descriptor in Path("/proc/self/fd").iterdir()}


class Sheets:
    def __init__(self, fail: Exception | None = None, rows: Sequence[RawRow | Problem] = ()) -> None:
        self._fail = fail
        self._rows = rows

    async def read(self, source: Source) -> AsyncIterator[Sequence[RawRow | Problem]]:
        if self._fail:
            raise self._fail
        yield self._rows


class Plugin:
    def __init__(self, suffix: str, reader: object) -> None:
        self.answer = {suffix: reader}

    @hookimpl
    def bulkprof_readers(self) -> dict[str, object]:
        return self.answer


def registry_of(**plugins: Plugin) -> Registry:
    registry = Registry({}, Path())
    for name, plugin in plugins.items():
        registry.add(name, plugin)
    return registry


async def test_a_plugin_reads_its_suffix(tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_text("")
    rows = [RawRow(n, {"name": f"n{n}", "account": 111122223333, "cost": 1.5}) for n in range(2, 1202)]
    readers = merge_readers(registry_of(sheets=Plugin(".XLS", Sheets(rows=rows))))
    batches = [batch.understood() async for batch in read_batches([str(path)], readers)]
    assert [len(batch) for batch in batches] == [500, 500, 200]
    assert not any(isinstance(row, Rejected) for batch in batches for row in batch)


@pytest.mark.parametrize("suffix", [".xlsx", ".yaml"])
async def test_a_plugin_may_read_formats_of_extras_in_its_own_way(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text("")
    readers = merge_readers(registry_of(mine=Plugin(suffix, Sheets(rows=[RawRow(2, {"name": "theirs"})]))))
    found = [item async for batch in read_batches([str(path)], readers) for item in batch.understood()]
    assert [getattr(item, "name", None) for item in found] == ["theirs"]
    with pytest.raises(PluginError, match=f"wants to read {suffix} files, but plugin 'a' reads"):
        merge_readers(registry_of(a=Plugin(suffix, Sheets()), b=Plugin(suffix, Sheets())))


@pytest.mark.parametrize(
    ("plugins", "said"),
    [
        ({"mine": Plugin(".csv", Sheets())}, "plugin 'mine': wants to read .csv files, but bulkprof itself"),
        (
            {"a": Plugin(".x", Sheets()), "b": Plugin(".X", Sheets())},
            "plugin 'b': wants to read .x files, but plugin 'a'",
        ),
        ({"a": Plugin("x", Sheets())}, "begins with a dot, unlike 'x'"),
    ],
)
def test_conflicts_name_both(plugins: dict[str, Plugin], said: str) -> None:
    with pytest.raises(PluginError) as caught:
        merge_readers(registry_of(**plugins))
    assert said in str(caught.value)


async def test_a_plugin_that_fails_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.x"
    path.write_text("")

    async def read(reader: Sheets) -> list[object]:
        readers = merge_readers(registry_of(mine=Plugin(".x", reader)))
        return [item async for batch in read_batches([str(path)], readers) for item in batch.understood()]

    with pytest.raises(PluginError, match="plugin 'mine': KeyError while reading"):
        await read(Sheets(KeyError("x")))
    with pytest.raises(PluginError, match="its reader yielded dict"):
        await read(Sheets(rows=[{}]))  # type: ignore[list-item]
    with pytest.raises(PluginError, match="a column that has no text"):
        await read(Sheets(rows=[RawRow(2, {None: "x"})]))  # type: ignore[dict-item]
    (rejected,) = await read(Sheets(ValueError("no such sheet")))
    assert isinstance(rejected, Rejected)
    assert "plugin 'mine' can't read it: no such sheet" in str(rejected.problems[0])
