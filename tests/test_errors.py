"""The errors are those that are drawn, with the exit codes that are drawn."""

from __future__ import annotations

import re
from typing import NamedTuple

from bulkprof import errors
from bulkprof.errors import BulkprofError, RunInterruptedError

LINE = re.compile(r"(?P<branch>[│├└─ ]*)(?P<name>\w+Error) +(?P<code>\d+)?")
STEP = len("├── ")


class Drawn(NamedTuple):
    name: str
    base: str
    code: int | None


def drawn() -> list[Drawn]:
    """The lines of the drawing, each with the error above it in the tree."""
    assert errors.__doc__
    found: list[Drawn] = []
    above: list[str] = []
    for line in errors.__doc__.split("```")[1].strip().splitlines():
        match = LINE.match(line)
        assert match, line
        del above[len(match["branch"]) // STEP :]
        found.append(Drawn(match["name"], above[-1] if above else "Exception", int(match["code"] or 0) or None))
        above.append(match["name"])
    return found


def test_all_errors_are_drawn_below_their_base_in_the_order_of_the_file() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert [(one.name, one.base) for one in drawn()] == [(each.__name__, each.__base__.__name__) for each in classes]


def test_exit_codes_are_the_drawn_ones() -> None:
    codes = {one.name: one.code for one in drawn()}
    # A signal or the deadline says what an interrupted run ends with.
    assert codes.pop(RunInterruptedError.__name__) == RunInterruptedError("run", code=130).code
    for name, code in codes.items():
        error = getattr(errors, name)
        assert issubclass(error, BulkprofError)
        # Where none is drawn, it is that of the error above.
        assert code == error.exit_code if code else error.exit_code == error.__base__.exit_code
