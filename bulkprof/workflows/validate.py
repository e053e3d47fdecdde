"""The use case `validate`: every problem of every row, without network or credentials."""

from __future__ import annotations

from dataclasses import dataclass

from bulkprof.config import models_by_region
from bulkprof.rules.accounts import unresolved
from bulkprof.rules.guess import Guess, guess
from bulkprof.stop import Stop
from bulkprof.system.temporary import temporary_folder
from bulkprof.ui import Ui
from bulkprof.workflows.arguments import Manifests, as_list, for_programs
from bulkprof.workflows.options import Options
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.load import load_manifests, problems_line, require_manifests

GUESSES = 8
"""How many models `validate` guesses the source of, to show."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What `validate` found."""

    rows: int
    desired: int
    """Desired profiles of the valid rows."""
    invalid: int
    """Rows with an error, and manifests that can't be read."""
    problems: int
    """Errors; a row may have several."""
    sources: tuple[Guess, ...]
    """What the models of valid rows probably are, a few of them: AWS wasn't asked."""
    unreadable: int = 0
    """Those of the invalid that are whole manifests."""
    unread_columns: tuple[str, ...] = ()
    """The columns that no rule reads; none where a plugin doesn't say what it reads."""

    @property
    def problems_line(self) -> str:
        """How many problems there are, and where."""
        return problems_line(self.problems, self.invalid, self.unreadable)


@for_programs
async def validate(
    manifests: Manifests, options: Options | None = None, ui: Ui | None = None, stop: Stop | None = None
) -> Validation:
    """Find every problem of every row, without network or credentials; problems are told to the `ui`."""
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    files = as_list(manifests)
    require_manifests(files)
    with (
        temporary_folder() as folder,
        work.new_run("validate", files, folder / "validate.db") as run,
        work.recorded(run),
    ):
        run.make_fleeting()
        rows, unread = await load_manifests(work, run, files, work.rules(), work.ui)
        by_region = models_by_region(work.settings.models)
        sources = tuple(
            guess(source, unresolved(target))
            for source, target in run.sources(GUESSES)
            # Which one of an alias's table is meant can't be guessed without a Region.
            if target.region or source not in by_region
        )
        desired, invalid = run.action_counts()[0], run.invalid_count()
        unreadable = run.unreadable_count()
        return Validation(rows, desired, invalid, run.error_count(), sources, unreadable, tuple(unread))
