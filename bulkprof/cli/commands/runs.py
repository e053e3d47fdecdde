"""The commands `runs`, which lists past runs, `runs redeliver`, which sends what sinks miss, and `runs prune`."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

import bulkprof
from bulkprof.cli.app import app
from bulkprof.cli.flags import SANDBOX, Display, Execution, Only, RunArgument, with_flags
from bulkprof.cli.running import ending, make_options, make_terminal, past_options, run_async
from bulkprof.errors import ExitCode, UsageError
from bulkprof.text.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = ("run", "command", "started", "status", "outcomes")
_GAP = 2
"""Blanks between two columns."""

runs_app = typer.Typer(help="Past runs, and what their sinks still miss.", rich_markup_mode=None)
app.add_typer(runs_app, name="runs")


@runs_app.callback(invoke_without_command=True)
@with_flags
def list_runs(context: typer.Context, run: Annotated[Execution, Only("config", "state_dir")], shown: Display) -> None:
    """List past runs, newest first."""
    if context.invoked_subcommand is not None:
        return
    terminal = make_terminal(shown)
    with ending(terminal):
        found = bulkprof.runs(past_options(terminal, run), terminal)
    if shown.as_json:
        terminal.json({"runs": [each.as_json() for each in found]})
        return
    if not found:
        terminal.note(f"no runs in {run.state_dir}")
        return
    _show(terminal.output.console, [_cells(each) for each in found])
    if any(each.sinks_missing for each in found):
        terminal.note("to deliver: bulkprof runs redeliver RUN")


def _cells(run: "bulkprof.RunInfo") -> tuple[str, ...]:
    """Return what is shown of a run, in the order of `_COLUMNS`."""
    counts = ", ".join(f"{count} {kind}" for kind, count in run.outcomes.items() if count)
    if run.sinks_missing:
        counts += f"; not delivered: {', '.join(run.sinks_missing)}"
    what = f"{run.command} (sandbox)" if run.sandbox else run.command
    return run.run_id, what, run.started_at[:16].replace("T", " "), run.status or run.error, counts


def _parts(counts: str) -> list[str]:
    """Return what stays on one line: `3 created,`."""
    return re.split(r"(?<=[,:;]) ", counts)


def _folded(counts: str, width: int) -> str:
    """Return it in lines of that width; rich would part `3 created`, too."""
    lines = [""]
    for part in _parts(counts):
        longer = f"{lines[-1]} {part}".strip()
        if len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(part)
    return "\n".join(lines)


def _widths(columns: Sequence[Sequence[str]], room: int) -> list[int]:
    """Return how wide each column is, so that none breaks a word or parts `12 created`; empty where there is no room.

    rich would make all of them narrower alike. What is left makes columns as wide as they need, or goes to the last.
    """
    *others, counts = columns
    widths = [max(len(word) for cell in column for word in cell.split() or [""]) for column in others]
    widths.append(max(len(part) for cell in counts for part in _parts(cell)))
    left = room - sum(widths) - _GAP * len(columns)
    if left < 0:
        return []
    for at, column in enumerate(columns):
        more = max(map(len, column)) - widths[at]
        if more <= left or column is counts:
            widths[at] += min(more, left)
            left -= min(more, left)
    return widths


def _show(console: "Console", rows: list[tuple[str, ...]]) -> None:
    """Print runs as a table, or one below the other where a table would have to break words."""
    from rich.markup import escape
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    if widths := _widths([(name, *cells) for name, *cells in zip(_COLUMNS, *rows, strict=True)], console.width):
        table = Table(header_style="bold", box=None, padding=(0, _GAP, 0, 0), pad_edge=False)
        for name, width in zip(_COLUMNS, widths, strict=True):
            table.add_column(name, width=width)
        for *cells, counts in rows:
            # Line breaks of a str would be shown as ⏎, which names of sinks may hold.
            table.add_row(*map(escape, cells), Text(_folded(printable(counts), widths[-1])))
        console.print(table)
        return
    for run_id, *more, counts in rows:
        console.print(escape(run_id), style="bold", highlight=False)
        for line in (", ".join(filter(None, more)), counts):
            if line:
                console.print(Padding(escape(line), (0, 0, 0, 2)), highlight=False)


@runs_app.command()
@with_flags
def prune(
    *,
    keep: Annotated[
        int | None,
        typer.Option("--keep", metavar="N", min=1, help="Keep the newest N (default: [state] keep_runs)."),
    ] = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Only say which.")] = False,
    run: Annotated[Execution, Only("config", "state_dir")],
    shown: Display,
) -> int:
    """Forget old runs that nothing needs any more.

    Runs that were interrupted, that sinks still miss, or that are the last of their estate stay, and those of the last
    hour.
    """
    from bulkprof.reports.text import counted
    from bulkprof.store.history.pruning import prune_runs
    from bulkprof.workflows.steps.remote.directory import state_directory

    terminal = make_terminal(shown)
    options = make_options(terminal, run)
    with ending(terminal):
        wanted = keep if keep is not None else options.config.settings.state.keep_runs
        if not wanted:
            raise UsageError("`[state] keep_runs = 0` keeps all runs; say how many to keep: --keep N")
        found = prune_runs(state_directory(options, terminal.warn), wanted, dry=dry)
    if shown.as_json:
        terminal.json(
            {"forgotten": found.forgotten, "freed_bytes": found.freed_bytes, "kept": found.kept, "dry_run": dry}
        )
    for run_id, reason in found.kept.items():
        terminal.note(f"{run_id} stays: {reason}")
    would = "would be forgotten" if dry else "forgotten"
    terminal.note(f"{counted(len(found.forgotten), 'run')} {would}, {found.freed_bytes / 1e6:.1f} MB")
    return ExitCode.DONE


@runs_app.command()
@with_flags
def redeliver(
    run_id: RunArgument,
    *,
    sink: Annotated[list[str] | None, typer.Option("--sink", metavar="NAME", help="Only this sink.")] = None,
    run: Annotated[Execution, Only("config", "state_dir", *SANDBOX)],
    shown: Display,
) -> int:
    """Send what sinks miss of a finished run."""
    terminal = make_terminal(shown)
    opts = make_options(terminal, run)
    ended = run_async(
        terminal, lambda: bulkprof.redeliver(run_id, opts, terminal, terminal.stop, only=sink), again=None
    )
    if shown.as_json:
        terminal.json({"run_id": run_id, "delivered": ended.delivered, "missing": ended.missing})
    elif ended.delivered or not ended.missing:
        terminal.note(f"delivered: {', '.join(ended.delivered) or 'nothing was missing'}")
    if ended.missing:
        terminal.error(f"still missing: {', '.join(ended.missing)}; mend it, and redeliver again")
    if not ended.missing:
        return ExitCode.DONE
    return terminal.stop.exit_code if terminal.stop.requested else ExitCode.ROWS_FAILED
