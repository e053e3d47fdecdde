"""When the problems of rows are told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice

from bulkprof.config import ColumnNames
from bulkprof.model import Problem
from bulkprof.plugins import NeededField
from bulkprof.problem import Place
from bulkprof.rules.columns import Found, Missing, missing_columns
from bulkprof.store.run import RunFile
from bulkprof.ui import OnlyNew, Ui

AT_ONCE = 100
"""Problems that are read from the run file at once."""


class Teller:
    """Tells the problems of rows as they are found, unless the config is what is wrong.

    While no manifest has a column that the config names, problems wait: all rows may have the same one, and it is told
    once then.
    """

    def __init__(self, run: RunFile, ui: Ui, naming: ColumnNames, needed: Sequence[tuple[str, NeededField]]) -> None:
        """`needed` is what plugins need, with their names."""
        self.ui = ui
        self.told = 0
        """How many of the run's problems were told, from the first on."""
        self._run = run
        self._naming = naming
        self._needed = needed
        self._waits = False

    def missing(self, found: Found) -> Sequence[Missing]:
        """Return the columns that the config names, and that manifests don't have as far as they are read."""
        if not found.attributes and not found.fields:
            # Without a row, it isn't known what columns there are.
            return ()
        return missing_columns(self._needed, self._naming, found)

    async def tell(self, problems: Sequence[Problem], found: Found) -> None:
        """Tell problems that were just kept, unless they have to wait; with them, those that had to wait so far."""
        if self.missing(found):
            self._waits = True
        elif self._waits:
            await self.tell_rest()
        else:
            self.told += len(problems)
            for problem in problems:
                self.ui.problem(problem)

    async def tell_rest(self, missing: Sequence[Missing] = ()) -> None:
        """Tell all problems that weren't told yet, but for those that rows have since a column is missing."""
        self._waits = False
        rest = islice(self._run.problems(), self.told, None)
        while some := await self._run.off_loop(lambda: list(islice(rest, AT_ONCE))):
            self.told += len(some)
            for problem in some:
                if not any(each.explains(problem) for each in missing):
                    self.ui.problem(problem)

    def begin_again(self, told: Collection[Place]) -> None:
        """Get ready for the same rows once more; `told` are the places of the problems that needn't be told again."""
        self.ui, self.told, self._waits = OnlyNew(self.ui, told), 0, False
