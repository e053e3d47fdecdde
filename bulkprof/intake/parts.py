"""Cutting large manifests into parts that can be read apart from each other.

A file is cut between rows. In JSON Lines that is between lines; in CSV, too, unless a quoted cell goes on, which the
csv module is asked where there are quotes. Where it can't be told, what is left stays one part, and so do JSON arrays.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bulkprof.intake.cells import Cells
from bulkprof.intake.csv_rows import HeaderProblem, delimiter_of, is_table, parse_csv
from bulkprof.intake.encoding import WHOLE, Span, wide_encoding
from bulkprof.intake.json_array import parse_json
from bulkprof.intake.json_lines import parse_json_lines
from bulkprof.intake.requests import Batch
from bulkprof.model import Problem
from bulkprof.plugins.api import RawRow, Source

SIZE = 1 << 18
"""Bytes of a part, or a little less: some thousand rows."""

ROWS = 2_000
"""Rows of a batch. Larger ones than elsewhere, since nobody waits for his turn meanwhile."""

Parser = Callable[[Source, Span], Iterator[RawRow | Problem]]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one manifest that follow each other."""

    source: Source
    span: Span
    parse: Parser

    def batches(self) -> Iterator[Batch]:
        """The rows, a few thousand at a time. `OSError` passes; that a file has no rows at all isn't said."""
        cells = Cells(self.source.label)
        rows = self.parse(self.source, self.span)
        while batch := list(islice(rows, ROWS)):
            cells.header_is_bad = cells.header_is_bad or HeaderProblem in set(map(type, batch))
            # What is wrong with the header is said with the first part.
            if batch := [item for item in batch if item.line >= self.span.line]:
                yield Batch(batch, cells)


def cut(label: str) -> list[Part]:
    """The parts of the manifest `label`, in order; none where no parser of ours reads it. `OSError` passes."""
    source = Source(label, Path(label))
    match source.path.suffix.lower():
        case ".csv" | ".tsv":
            return [Part(source, span, parse_csv) for span in _spans(source, is_csv=True)]
        case ".jsonl" | ".ndjson":
            return [Part(source, span, parse_json_lines) for span in _spans(source, is_csv=False)]
        case ".json":
            return [Part(source, WHOLE, lambda source, _: parse_json(source))]
    return []


def _spans(source: Source, *, is_csv: bool) -> Iterator[Span]:
    """Where the file can be cut."""
    start, line, delimiter = 0, 1, ""
    with source.path.open("rb") as file:
        while len(data := file.read(SIZE)) == SIZE:
            lines = data[: data.rfind(b"\n") + 1]
            end = start + len(lines)
            if not start:
                lines = lines.removeprefix(codecs.BOM_UTF8)
                # Without a line yet, the header comes later.
                if wide_encoding(data, source.label) or not lines.strip():
                    break
                delimiter = delimiter_of(lines.decode(errors="replace")) if is_csv else ""
            # A lone CR ends a line too, and is no end that is looked for here.
            if not lines or (b"\r" in lines and lines.count(b"\r") != lines.count(b"\r\n")):
                break
            if is_csv and b'"' in lines and not is_table(lines.decode(errors="replace"), delimiter):
                break
            yield Span(start, end, line)
            start, line = end, line + lines.count(b"\n")
            file.seek(start)
    if data or not start:
        yield Span(start, None, line)
