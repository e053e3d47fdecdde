"""JSON Lines manifests: an object a line. A line that can't be read is a problem, and reading goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator

from bulkprof.manifests.json_values import DECODER, syntax_problem, to_row
from bulkprof.model import Problem, RawRow
from bulkprof.plugins.api import Source
from bulkprof.tables.encoding import WHOLE, Span, read_blocks


def parse_json_lines(source: Source, span: Span = WHOLE) -> Iterator[RawRow | Problem]:
    """Yield the rows of a JSON Lines file, and a problem in the place of each line that can't be read."""
    with source.path.open("rb") as file:
        for block in read_blocks(file, source.label, span):
            for number, line in enumerate(block.lines, block.first):
                if number in block.bad:
                    yield block.bad[number]
                elif line.strip():
                    yield from _parse_line(line, source.label, number)
            if not block.complete:
                yield from block.bad.values()


def _parse_line(line: str, label: str, number: int) -> Iterator[RawRow | Problem]:
    try:
        value = DECODER.decode(line)
    except json.JSONDecodeError as error:
        yield syntax_problem(error.msg, label, number, error.pos + 1)
    except RecursionError:
        yield syntax_problem("it is nested too deeply", label, number, 1)
    else:
        yield from to_row(value, line, label, number)
