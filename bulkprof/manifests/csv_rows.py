"""CSV manifests: the header's columns understood, and the rows below it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from bulkprof.config import ColumnNames
from bulkprof.manifests.columns import AS_WRITTEN, KNOWN, PROFILE, Columns, is_known, understand
from bulkprof.model import Problem, RawRow
from bulkprof.plugins.api import Source
from bulkprof.tables.csv_table import Table, beginning_of, unique
from bulkprof.tables.dialect import Beginning, Expected
from bulkprof.tables.encoding import WHOLE, Span
from bulkprof.text.looks import folded


@dataclass(frozen=True, slots=True)
class HeaderProblem(Problem):
    """A problem of the header, or of JSON's keys around the profiles. The rows are still checked; none can be used."""


def parse_csv(
    source: Source,
    span: Span = WHOLE,
    *,
    read_by_rules: Collection[str] | None = None,
    naming: ColumnNames = AS_WRITTEN,
) -> Iterator[RawRow | Problem]:
    """Yield the rows of a CSV file, and a problem in the place of each that can't be read.

    A `span` that doesn't start with the file is understood by the file's header; what is wrong with that comes first.
    `read_by_rules` are the columns that rules read, where that is known: a header that names neither one of them nor
    a column of bulkprof's own is none. `naming` is what the config says of headers.
    """
    with source.path.open("rb") as file:
        table = Table(file, source.label, span, expected(read_by_rules, naming))
        yield from table.problems
        columns = understand(table.header, naming, tag_object=False)
        if table.header and read_by_rules is not None and says_nothing(columns, read_by_rules):
            yield nothing_known(source.label, table.line, columns, read_by_rules)
            return
        for fault in columns.faults:
            yield HeaderProblem(
                fault.fault.reason, source.label, table.line, column=fault.column, remedy=fault.fault.remedy
            )
        yield from table.rows(column_names(table.header, columns))


def manifest_beginning(
    text: str, read_by_rules: Collection[str] | None = None, naming: ColumnNames = AS_WRITTEN
) -> Beginning:
    """How a CSV manifest begins that begins with `text`."""
    return beginning_of(text, expected(read_by_rules, naming))


def expected(read_by_rules: Collection[str] | None, naming: ColumnNames = AS_WRITTEN) -> Expected:
    """What tells whether a name is that of a column that is looked for."""
    read = frozenset(map(folded, read_by_rules or ()))
    return lambda name: is_known(name) or folded(name) in read or naming.names(name)


def column_names(header: Sequence[str], columns: Columns) -> list[str]:
    """The columns' names, as they should be where one is misspelt, so that their cells are checked too."""
    names = list(header)
    for fault in columns.faults:
        if fault.likely and not columns.has(fault.likely) and fault.likely not in names:
            names[names.index(fault.column)] = fault.likely
    told = unique(names)
    for index in columns.ignored:
        # Their cells may hide each other; under another name, they would be attributes.
        told[index] = header[index]
    return told


def says_nothing(columns: Columns, read_by_rules: Collection[str]) -> bool:
    """Whether the header has neither a column of ours, nor one that is meant to be, nor one that a rule reads."""
    meant = any(columns.has(name) for name in KNOWN) or columns.tags or columns.faults
    read = frozenset(map(folded, read_by_rules))
    return not meant and not any(folded(name) in read for _, name in columns.attributes)


def nothing_known(label: str, line: int, columns: Columns, read_by_rules: Collection[str]) -> Problem:
    """A header that says nothing."""
    found = ", ".join(repr(name) for _, name in columns.attributes[:5])
    more = ", …" if len(columns.attributes) > 5 else ""
    rules = f", or what rules read ({', '.join(sorted(read_by_rules))})" if read_by_rules else ""
    where = "the first line" if line == 1 else "the header"
    return Problem(
        f"no column of {where} is known: {found}{more}",
        label,
        line,
        remedy=f"begin the file with a header: {', '.join(PROFILE)}, tag:KEY{rules}",
    )
