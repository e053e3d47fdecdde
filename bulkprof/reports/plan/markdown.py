"""A plan as Markdown, for the comment of a pull request: never longer than GitHub takes."""

from __future__ import annotations

from collections.abc import Iterator

from bulkprof.model import Action, ActionKind
from bulkprof.reports.markdown import cell, table
from bulkprof.reports.plan.view import PlanView, canary_line, changes_of, what_for
from bulkprof.reports.text import counted
from bulkprof.store.run import RunFile

EACH = 100
"""Changes of each kind that are listed before the rest is only counted."""
LONGEST = 65_000
"""Characters of the whole: GitHub refuses a comment of more than 65,536."""
_KEPT = 500
"""Characters of it that are kept for what is said around the table of changes."""
_HEADER = ("target", "profile", "action", "what changes")


def plan_markdown(
    run: RunFile, *, everything: bool = False, declined: bool = False, refused: str = ""
) -> Iterator[str]:
    """Return a plan's report, line by line. Blocks.

    `declined` says that it was not approved; `refused` is why a limit or a plugin stops it.
    """
    view = PlanView(run, None if everything else EACH)
    waiting = sum(count for kind, count in view.totals.items() if kind is not ActionKind.NONE)
    before = list(_before(run, view, waiting, declined=declined, refused=refused))
    said, profiles = view.unwanted()
    after = (f"{cell(said)}: {cell(', '.join(profiles), 10_000)}.", "") if said else ()
    yield from before
    if waiting or view.refused:
        rows, cut = _fitting(view, LONGEST - _KEPT - sum(len(line) + 1 for line in (*before, *after)))
        yield from ("### Changes", "")
        yield from table(_HEADER, rows)
        if more := view.left_out():
            hint = "they don't fit in here" if cut else "all that fit in here: `bulkprof plan --markdown --all`"
            yield from (f"… and {more}; {hint}.", "")
    yield from after


def _before(run: RunFile, view: PlanView, waiting: int, *, declined: bool, refused: str) -> Iterator[str]:
    """Yield what stands above the changes."""
    headline = f"{counted(waiting, 'change')} in {counted(view.targets, 'target')}" if waiting else "no changes"
    yield f"## bulkprof plan{' in the sandbox' if view.sandbox else ''}: {headline}"
    yield ""
    if declined:
        yield from ("**This plan was not approved;** nothing was changed.", "")
    if refused:
        yield from (f"**This plan is refused:** {cell(refused, 2000)}", "")
    rows = [
        ("unchanged" if kind is ActionKind.NONE else str(kind), str(count))
        for kind, count in view.totals.items()
        if count
    ]
    counts = (("refused", view.refused), ("invalid rows", run.invalid_count()))
    rows.extend((what, str(count)) for what, count in counts if count)
    yield from table(("action", "profiles"), rows)
    if canary := canary_line(run.details().canary):
        yield from (cell(canary, None), "")


def _fitting(view: PlanView, room: int) -> tuple[list[tuple[str, ...]], bool]:
    """Return the rows of the changes that there is room for, and whether some had none."""
    rows: list[tuple[str, ...]] = []
    for action in view.changes():
        row = _row(action, view.old_name(action))
        room -= sum(len(part) + 3 for part in row) + 2
        if room < 0:
            view.take_back(action)
            return rows, True
        rows.append(row)
    return rows, False


def _row(action: Action, old_name: str) -> tuple[str, ...]:
    if action.refusal is not None:
        kind, lines = "refused", [f"{action.refusal.code}: {action.refusal.message}"]
    else:
        changes = list(map(str, changes_of(action)))
        # The keys of tags are those of the changes.
        said = [] if changes and action.kind is not ActionKind.REPLACE else [what_for(action)]
        kind, lines = str(action.kind), [*said, *changes, *([old_name] if old_name else [])]
    return cell(str(action.target)), cell(action.name), kind, "<br>".join(map(cell, lines))
