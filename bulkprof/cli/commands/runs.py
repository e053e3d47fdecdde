"""The commands `runs`, which lists past runs, and `runs redeliver`, which sends what sinks miss of one."""

from typing import Annotated

import typer

import bulkprof
from bulkprof.cli.app import app
from bulkprof.cli.flags import SANDBOX, Display, Execution, Only, RunArgument, with_flags
from bulkprof.cli.running import make_options, make_terminal, run_async
from bulkprof.errors import ExitCode

WIDE = 80
"""Columns of a terminal that has room for all that is listed."""

runs_app = typer.Typer(help="Past runs, and what their sinks still miss.", rich_markup_mode=None)
app.add_typer(runs_app, name="runs")


@runs_app.callback(invoke_without_command=True)
@with_flags
def list_runs(context: typer.Context, run: Annotated[Execution, Only("state_dir")], shown: Display) -> None:
    """List past runs, newest first."""
    if context.invoked_subcommand is not None:
        return
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from bulkprof.reports.json import run_rows
    from bulkprof.store.history.directory import StateDirectory

    terminal = make_terminal(shown)
    rows = list(run_rows(StateDirectory(run.state_dir)))
    if shown.as_json:
        terminal.json({"runs": rows})
        return
    if not rows:
        terminal.note(f"no runs in {run.state_dir}")
        return
    console = terminal.output.console
    # An id begins with its start, so a narrow terminal can do without.
    wide = console.width >= WIDE
    table = Table(header_style="bold", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("run", "command", *(["started"] if wide else []), "status", "outcomes"):
        table.add_column(name, no_wrap=name in {"run", "command", "started"}, overflow="fold")
    missing = False
    for row in rows:
        counts = ", ".join(f"{count} {kind}" for kind, count in row["outcomes"].items() if count)
        if row["sandbox"]:
            counts = f"sandbox: {counts}" if counts else "sandbox"
        if row["sinks_missing"]:
            missing = True
            counts += f"; not delivered: {', '.join(row['sinks_missing'])}"
        started = [row["started_at"][:16].replace("T", " ")] if wide else []
        table.add_row(*map(escape, (row["run_id"], row["command"], *started, row["status"], counts)))
    console.print(table)
    if missing:
        terminal.note("to deliver: bulkprof runs redeliver RUN")


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
