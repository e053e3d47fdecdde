"""Which reader reads which file: the built-in ones, and those of plugins."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
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
            return list(islice(rows, PARSED))

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


_CSV, _JSON, _JSON_LINES = ThreadedReader(parse_csv), ThreadedReader(parse_json), ThreadedReader(parse_json_lines)
_BUILTIN: Mapping[str, Reader] = MappingProxyType(
    {".csv": _CSV, ".tsv": _CSV, ".json": _JSON, ".jsonl": _JSON_LINES, ".ndjson": _JSON_LINES}
)


def builtin_readers() -> Mapping[str, Reader]:
    """The formats that bulkprof reads itself, by file suffix."""
    return _BUILTIN


def merge_readers(registry: Registry, naming: ColumnNames = AS_WRITTEN) -> Mapping[str, Reader]:
    """The built-in readers and those that plugins return from `bulkprof_readers`.

    `naming` is what the config says of the headers of sheets. Raises `PluginError` where a plugin claims a suffix that
    bulkprof or another plugin reads already.
    """
    merged = dict(_BUILTIN)
    parse = partial(parse_csv, read_by_rules=registry.columns_read(), naming=naming)
    merged[".csv"] = merged[".tsv"] = ThreadedReader(parse)
    owners = dict.fromkeys(merged, "bulkprof itself")
    for plugin, found in registry.gather("bulkprof_readers"):
        if not isinstance(found, Mapping) or not all(isinstance(suffix, str) for suffix in found):
            raise PluginError(plugin, f"bulkprof_readers returns readers by suffix, not {found!r}")
        for suffix, reader in found.items():
            wanted = suffix.lower()
            if not wanted.startswith(".") or len(wanted) < 2:
                raise PluginError(plugin, f"a reader's suffix begins with a dot, unlike {suffix!r}")
            if wanted in merged:
                raise PluginError(plugin, f"wants to read {wanted} files, but {owners[wanted]} reads them already")
            merged[wanted] = PluginReader(plugin, reader)
            owners[wanted] = f"plugin {plugin!r}"
    return MappingProxyType(merged)
