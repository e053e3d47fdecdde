"""The commands that look back: runs, runs redeliver, report."""

from typing import Annotated

import typer

from bulkprof.cli import options as o
from bulkprof.cli.app import app
from bulkprof.cli.logs import LogFormat
from bulkprof.cli.running import STATE_DIR, command, ending, flags_again, make_options, make_terminal, run_async
from bulkprof.errors import DamagedError, ExitCode

runs_app = typer.Typer(help="Past runs, and what their sinks still miss.", rich_markup_mode=None)
app.add_typer(runs_app, name="runs")

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The run's id or its beginning.")]


@runs_app.callback(invoke_without_command=True)
def list_runs(
    context: typer.Context,
    state_dir: o.StateDir = STATE_DIR,
    as_json: o.Json = False,
    log_format: o.Logs = LogFormat.TEXT,
    no_color: o.NoColor = False,
) -> None:
    """List past runs, newest first."""
    if context.invoked_subcommand is not None:
        return
    from rich.markup import escape
    from rich.table import Table

    from bulkprof.delivery.as_json import run_rows
    from bulkprof.execution.state import StateDirectory

    terminal = make_terminal(as_json, no_color, log_format)
    rows = list(run_rows(StateDirectory(state_dir)))
    if as_json:
        terminal.json({"runs": rows})
        return
    if not rows:
        terminal.note(f"no runs in {state_dir}")
        return
    table = Table(header_style="bold")
    for name in ("run", "command", "started", "status", "outcomes"):
        table.add_column(name, no_wrap=name in {"run", "command"}, overflow="fold")
    for row in rows:
        counts = ", ".join(f"{count} {kind}" for kind, count in row["outcomes"].items() if count)
        cells = (row["run_id"], row["command"], row["started_at"][:16].replace("T", " "), row["status"], counts)
        table.add_row(*map(escape, cells))
    terminal.output.console.print(table)


@runs_app.command()
def redeliver(
    run_id: RunArgument,
    sink: Annotated[list[str] | None, typer.Option("--sink", metavar="NAME", help="Only this sink.")] = None,
    config: o.ConfigFile = None,
    state_dir: o.StateDir = STATE_DIR,
    sandbox: o.UseSandbox = False,
    as_json: o.Json = False,
    log_format: o.Logs = LogFormat.TEXT,
    no_color: o.NoColor = False,
) -> int:
    """Send what sinks miss of a finished run."""
    from bulkprof import runs

    terminal = make_terminal(as_json, no_color, log_format)
    opts = make_options(terminal, config, state_dir, sandbox=sandbox)
    told = run_async(terminal, lambda: runs.redeliver(run_id, opts, terminal, terminal.stop, only=sink), again=None)
    if as_json:
        terminal.json({"run_id": run_id, "delivered": told.delivered, "missing": told.missing})
    else:
        terminal.note(f"delivered: {', '.join(told.delivered) or 'nothing was missing'}")
    if not told.missing:
        return ExitCode.DONE
    return terminal.stop.exit_code if terminal.stop.requested else ExitCode.ROWS_FAILED


@app.command()
def report(
    run_id: RunArgument,
    results: o.Results = None,
    failed: o.Failed = None,
    csv_cells: o.CsvCells = None,
    config: o.ConfigFile = None,
    state_dir: o.StateDir = STATE_DIR,
    as_json: o.Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As Markdown, for job summaries.")] = False,
    log_format: o.Logs = LogFormat.TEXT,
    no_color: o.NoColor = False,
) -> int:
    """Show a run: its outcomes and failures. --results and --failed write these files again.

    RUN may also be the file of `plan --out`.
    """
    from bulkprof.carryout import summary_of
    from bulkprof.config import load
    from bulkprof.delivery.as_json import report_json
    from bulkprof.delivery.failed import write_failed
    from bulkprof.delivery.failures import failure_lines
    from bulkprof.delivery.files import check_path
    from bulkprof.delivery.markdown import plan_markdown, run_markdown
    from bulkprof.delivery.plan import plan_of
    from bulkprof.delivery.report import show_summary
    from bulkprof.delivery.results import write_results
    from bulkprof.execution.runfile import RunFile
    from bulkprof.execution.state import StateDirectory
    from bulkprof.printable import headed, printable_lines

    if as_json and markdown:
        raise typer.BadParameter("can't go with --json: stdout holds one or the other", param_hint="--markdown")
    terminal = make_terminal(as_json, no_color, log_format)
    with ending(terminal):
        for flag, file in (("--results", results), ("--failed", failed)):
            if file:
                check_path(flag, file)
        with RunFile.look_at(StateDirectory(state_dir).find(run_id)) as run:
            try:
                run.check()
            except DamagedError as damage:
                terminal.warn(f"what is shown may be wrong: {damage}")
            summary = summary_of(run)
            if results:
                write_results(results, run.results(), raw=csv_cells == "raw")
                terminal.note(f"results: {results}")
            if failed:
                count = write_failed(failed, run, load(config).settings.own_tags, safe=csv_cells == "safe")
                terminal.note(f"rows to mend: {count} in {failed}")
            if as_json:
                terminal.json(report_json(summary, run))
            elif markdown:
                planned = run.meta("status") == "planned"
                lines = plan_markdown(plan_of(run)) if planned else run_markdown(summary, run)
                terminal.text(lines)
            else:
                show_summary(terminal.output.console, summary, failure_lines(run, each=1000))
                status = run.meta("status")
                if status in {"running", "interrupted"}:
                    again = command("resume", summary.run_id, *flags_again(config, state_dir))
                    terminal.note(f"this run is not finished; to go on: {again}")
                elif error := run.meta("error"):
                    terminal.note(headed("the run did not start: ", printable_lines(str(error).split("\n"))))
    return ExitCode.DONE
