"""What turns out to be equal once all rows are read: names in a target, and tags that cleaning made equal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from bulkprof.model import Problem, Severity, Target
from bulkprof.problem import place_of
from bulkprof.rules.cleanings import NAME, Cleaning
from bulkprof.store.intake import Clash
from bulkprof.store.run import RunFile

_SHOWN = 4
"""Values that became one, of which a warning names no more."""
_ANY = Target("", "")


def remember(run: RunFile, cleanings: Sequence[Cleaning]) -> None:
    """Keep what was cleaned until all rows are read: only then it is known what became the same."""
    run.add_cleaned(
        ((one.file, one.line, one.row, one.value, one.given) for one in cleanings if one.column == NAME),
        ((one.column, one.value, one.given, one.file, one.line, one.row) for one in cleanings if one.column != NAME),
    )


def merged_tags(run: RunFile) -> Iterator[Problem]:
    """Yield a warning for each value of a tag that different values became by cleaning."""
    for (column, value, count), given in run.merged(_SHOWN):
        shown = [f"{one.given!r} ({place_of(one.file, one.line, one.row)})" for one in given]
        both = "both" if count == 2 else "all"
        last = f"{count - len(shown)} more" if count > len(shown) else shown.pop()
        message = f"{', '.join(shown)} and {last} {both} become {value!r}"
        _, second, *_ = given
        yield Problem(message, second.file, second.line, column, severity=Severity.WARNING, row=second.row)


def refuse_equal_names(run: RunFile, clashes: Sequence[Clash]) -> None:
    """Make rows of equal names invalid, with the problems that say so."""
    run.add_problems(_clash_problems(clashes))
    # It can't be said which of the two is meant, so neither is made.
    run.add_invalid({(clash.first_file, clash.first_line, clash.first_row) for clash in clashes})


def _clash_problems(clashes: Iterable[Clash]) -> Iterator[Problem]:
    """One problem for each two rows and name, however many targets they meet in."""
    met: dict[Clash, list[Target]] = {}
    for clash in clashes:
        met.setdefault(replace(clash, target=_ANY), []).append(clash.target)
    for clash, targets in met.items():
        where = str(targets[0]) if len(targets) == 1 else f"{len(targets)} targets ({targets[0]}, …)"
        given, first = clash.given or clash.name, clash.first_given or clash.name
        made = f": there it is made of {first!r}, here of {given!r}" if given != first else ""
        yield Problem(
            f"the same name in {where} as {place_of(clash.first_file, clash.first_line, clash.first_row)}{made}",
            file=clash.file,
            line=clash.line,
            column="name",
            value=clash.name,
            remedy="give one of them another name, account or region",
            row=clash.row,
        )
