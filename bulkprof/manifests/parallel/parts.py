"""Cutting large manifests into parts that can be read apart from each other.

A file is cut between rows. In JSON Lines that is between lines; in CSV, too, unless a quoted cell goes on, which the
csv module is asked where there are quotes. Where it can't be told, what is left stays one part, and so do JSON arrays.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from bulkprof.config import ColumnNames
from bulkprof.manifests.cells import Cells
from bulkprof.manifests.columns import AS_WRITTEN
from bulkprof.manifests.csv_rows import HeaderProblem, manifest_beginning, parse_csv
from bulkprof.manifests.json_array import parse_json
from bulkprof.manifests.json_rows import parse_json_lines
from bulkprof.manifests.requests import Batch
from bulkprof.model import Problem, RawRow
from bulkprof.plugins.api import Source
from bulkprof.tables.csv_table import is_table
from bulkprof.tables.encoding import WHOLE, Span, not_text

SIZE = 1 << 18
"""Bytes of a part, or a little less: some thousand rows."""

ROWS = 5_000
"""Rows of a batch: as a rule, all of a part. A process that has sent one waits until it is taken."""

Parser = Callable[[Source, Span], Iterator[RawRow | Problem]]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one manifest that follow each other."""

    source: Source
    span: Span
    parse: Parser
    naming: ColumnNames = AS_WRITTEN
    """What the config says of the headers of sheets."""

    def batches(self) -> Iterator[Batch]:
        """The rows, a few thousand at a time. `OSError` passes; that a file has no rows at all isn't said."""
        cells = Cells(self.source.label, self.naming)
        rows = self.parse(self.source, self.span)
        while batch := list(islice(rows, ROWS)):
            cells.header_is_bad = cells.header_is_bad or HeaderProblem in set(map(type, batch))
            # What is wrong with the header is said with the first part.
            if batch := [item for item in batch if item.line >= self.span.line]:
                yield Batch(batch, cells)


def cut(
    label: str, read_by_rules: Collection[str] | None = None, naming: ColumnNames = AS_WRITTEN, file: str = ""
) -> list[Part]:
    """The parts of the manifest `label`, in order; none where no parser of ours reads it. `OSError` passes.

    `read_by_rules` are the columns that rules read, where that is known; `naming` is what the config says of headers.
    `file` is where the manifest is, if it isn't called so.
    """
    source = Source(label, Path(file or label))
    match source.path.suffix.lower():
        case ".csv" | ".tsv":
            parse = partial(parse_csv, read_by_rules=read_by_rules, naming=naming)
            return [Part(source, span, parse, naming) for span in _csv_spans(source, read_by_rules, naming)]
        case ".jsonl" | ".ndjson":
            return [Part(source, span, parse_json_lines, naming) for span in _spans(source)]
        case ".json":
            return [Part(source, WHOLE, _parse_whole_json, naming)]
    return []


def _parse_whole_json(source: Source, _: Span) -> Iterator[RawRow | Problem]:
    return parse_json(source)


def _csv_spans(source: Source, read_by_rules: Collection[str] | None, naming: ColumnNames) -> Iterator[Span]:
    """Where a CSV file can be cut: below its header, and not within a quoted cell."""
    delimiter = ""

    def is_cut(lines: bytes) -> bool:
        nonlocal delimiter
        if not delimiter:
            begin = manifest_beginning(lines.decode(errors="replace"), read_by_rules, naming)
            if begin.fault or not begin.head:
                return False
            delimiter = begin.delimiter
        return b'"' not in lines or is_table(lines.decode(errors="replace"), delimiter)

    return _spans(source, is_cut)


def _spans(source: Source, is_cut: Callable[[bytes], bool] = bool) -> Iterator[Span]:
    """Where a file can be cut; `is_cut` says of some of its lines whether it can be cut after them."""
    start, line = 0, 1
    with source.path.open("rb") as file:
        while len(data := file.read(SIZE)) == SIZE:
            lines = data[: data.rfind(b"\n") + 1]
            end = start + len(lines)
            if not start:
                lines = lines.removeprefix(codecs.BOM_UTF8)
                # Without a line yet, the header comes later.
                if not_text(data, source.label) or not lines.strip():
                    break
            # A lone CR ends a line too, and is no end that is looked for here.
            if not lines or (b"\r" in lines and lines.count(b"\r") != lines.count(b"\r\n")):
                break
            if not is_cut(lines):
                break
            yield Span(start, end, line)
            start, line = end, line + lines.count(b"\n")
            file.seek(start)
    if data or not start:
        yield Span(start, None, line)
