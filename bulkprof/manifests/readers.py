"""Which reader reads which file: the built-in ones, and those of plugins."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any

import anyio.to_thread

from bulkprof.config import ColumnNames
from bulkprof.errors import PluginError
from bulkprof.manifests.columns import AS_WRITTEN
from bulkprof.manifests.csv_rows import parse_csv
from bulkprof.manifests.json_array import parse_json
from bulkprof.manifests.json_rows import parse_json_lines
from bulkprof.manifests.workbooks.places import SUFFIXES, SheetBatch
from bulkprof.manifests.workbooks.rows import WorkbookRows
from bulkprof.manifests.yaml_rows import parse_yaml
from bulkprof.model import Problem, RawRow
from bulkprof.plugins.api import Reader, Source
from bulkprof.plugins.registry import Registry

BATCH = 500
"""Rows that are understood before the event loop gets its next turn."""
PARSED = 4 * BATCH
"""Rows that a worker thread parses at once: handing over costs as much as some rows."""

Parser = Callable[[Source], Iterator[RawRow | Problem]]


class ThreadedReader:
    """A reader made of a synchronous parser, which runs batch by batch in a worker thread.

    A cancelled run waits for the batch at hand, a few milliseconds, and then closes the parser with its file.
    """

    def __init__(self, parse: Parser) -> None:
        self._parse = parse

    async def read(self, source: Source) -> AsyncIterator[Sequence[RawRow | Problem]]:
        """Yield the rows in file order, and a `Problem` in the place of each unreadable one."""
        rows = self._parse(source)

        def next_batch() -> list[RawRow | Problem]:
            batch = list(islice(rows, PARSED))
            sheet = rows.sheet if isinstance(rows, WorkbookRows) else None
            return SheetBatch(batch, sheet) if sheet else batch

        try:
            while batch := await anyio.to_thread.run_sync(next_batch):
                yield batch
        finally:
            close = getattr(rows, "close", None)
            if close:
                close()


class PluginReader:
    """A plugin's reader, with its errors named after the plugin."""

    def __init__(self, plugin: str, reader: Reader) -> None:
        self.plugin = plugin
        self._reader = reader

    async def read(self, source: Source) -> AsyncIterator[Sequence[RawRow | Problem]]:
        """Yield what the plugin's reader yields; `ValueError` speaks of the file, as it does in hooks."""
        try:
            async for batch in self._batches(source):
                self._check(batch)
                yield batch
        except (PluginError, OSError):
            raise
        except ValueError as error:
            yield [Problem(f"plugin {self.plugin!r} can't read it: {error}", source.label)]
        except Exception as error:
            message = f"{type(error).__name__} while reading {source.label}: {error}"
            raise PluginError(self.plugin, message) from error

    def _batches(self, source: Source) -> AsyncIterator[Sequence[RawRow | Problem]]:
        batches: Any = self._reader.read(source)
        if not hasattr(batches, "__aiter__"):
            if inspect.iscoroutine(batches):
                # It is never awaited.
                batches.close()
            what = f"{type(self._reader).__name__}.read must be an async generator: `async def` with `yield` in it"
            raise PluginError(self.plugin, what)
        found: AsyncIterator[Sequence[RawRow | Problem]] = batches
        return found

    def _check(self, batch: Sequence[object]) -> None:
        for item in batch:
            if not isinstance(item, RawRow | Problem):
                raise PluginError(self.plugin, f"its reader yielded {type(item).__name__}, not a RawRow")
            if isinstance(item, RawRow) and not all(isinstance(column, str) for column in item.cells):
                raise PluginError(self.plugin, "its reader yielded a row with a column that has no text for a name")


WITH_LIBRARIES = frozenset({*SUFFIXES, ".yaml", ".yml"})
"""Formats that are read by libraries of extras. A plugin may read them in its own way."""


def builtin_readers(
    read_by_rules: Collection[str] | None = None, naming: ColumnNames = AS_WRITTEN
) -> Mapping[str, Reader]:
    """The formats that bulkprof reads itself, by file suffix.

    `read_by_rules` are the columns that rules read, where that is known; `naming` is what the config says of headers.
    """
    csv = ThreadedReader(partial(parse_csv, read_by_rules=read_by_rules, naming=naming))
    workbook = ThreadedReader(partial(WorkbookRows, read_by_rules=read_by_rules, naming=naming))
    lines, yaml = ThreadedReader(parse_json_lines), ThreadedReader(parse_yaml)
    return {
        **dict.fromkeys((".csv", ".tsv"), csv),
        ".json": ThreadedReader(parse_json),
        **dict.fromkeys((".jsonl", ".ndjson"), lines),
        **dict.fromkeys((".yaml", ".yml"), yaml),
        **dict.fromkeys(SUFFIXES, workbook),
    }


def merge_readers(registry: Registry, naming: ColumnNames = AS_WRITTEN) -> Mapping[str, Reader]:
    """The built-in readers and those that plugins return from `bulkprof_readers`.

    `naming` is what the config says of the headers of sheets. A plugin may claim what bulkprof reads by the libraries
    of extras: workbooks and YAML. Raises `PluginError` where it claims a suffix that bulkprof reads by itself, or
    another plugin.
    """
    merged = dict(builtin_readers(registry.columns_read(), naming))
    owners = dict.fromkeys(merged.keys() - WITH_LIBRARIES, "bulkprof itself")
    for plugin, found in registry.gather("bulkprof_readers"):
        if not isinstance(found, Mapping) or not all(isinstance(suffix, str) for suffix in found):
            raise PluginError(plugin, f"bulkprof_readers returns readers by suffix, not {found!r}")
        for suffix, reader in found.items():
            wanted = suffix.lower()
            if not wanted.startswith(".") or len(wanted) < 2:
                raise PluginError(plugin, f"a reader's suffix begins with a dot, unlike {suffix!r}")
            if wanted in owners:
                raise PluginError(plugin, f"wants to read {wanted} files, but {owners[wanted]} reads them already")
            merged[wanted] = PluginReader(plugin, reader)
            owners[wanted] = f"plugin {plugin!r}"
    return MappingProxyType(merged)
