"""The commands that look back: runs, runs redeliver, report."""

from typing import TYPE_CHECKING, Annotated

import typer

from bulkprof.cli import options as o
from bulkprof.cli.app import app
from bulkprof.cli.logs import LogFormat
from bulkprof.cli.running import STATE_DIR, command, ending, flags_again, make_options, make_terminal, run_async
from bulkprof.errors import DamagedError, ExitCode, UsageError

if TYPE_CHECKING:
    from bulkprof.cli.terminal import Terminal
    from bulkprof.store.directory import StateDirectory
    from bulkprof.store.run import RunFile
    from bulkprof.totals import RunSummary

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

    from bulkprof.reports.json import run_rows
    from bulkprof.store.directory import StateDirectory

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
    missing = False
    for row in rows:
        counts = ", ".join(f"{count} {kind}" for kind, count in row["outcomes"].items() if count)
        if row["sinks_missing"]:
            missing = True
            counts += f"; not delivered: {', '.join(row['sinks_missing'])}"
        cells = (row["run_id"], row["command"], row["started_at"][:16].replace("T", " "), row["status"], counts)
        table.add_row(*map(escape, cells))
    terminal.output.console.print(table)
    if missing:
        terminal.note("to deliver: bulkprof runs redeliver RUN")


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
    import bulkprof

    terminal = make_terminal(as_json, no_color, log_format)
    opts = make_options(terminal, config, state_dir, sandbox=sandbox)
    told = run_async(terminal, lambda: bulkprof.redeliver(run_id, opts, terminal, terminal.stop, only=sink), again=None)
    if as_json:
        terminal.json({"run_id": run_id, "delivered": told.delivered, "missing": told.missing})
    elif told.delivered or not told.missing:
        terminal.note(f"delivered: {', '.join(told.delivered) or 'nothing was missing'}")
    if told.missing:
        terminal.error(f"still missing: {', '.join(told.missing)}; mend it, and redeliver again")
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
    from bulkprof.config import load
    from bulkprof.model import RunStatus
    from bulkprof.reports.failed_rows import write_failed
    from bulkprof.reports.json import report_json
    from bulkprof.reports.markdown import plan_markdown, run_markdown
    from bulkprof.reports.plan import plan_of
    from bulkprof.reports.results import write_results
    from bulkprof.store.directory import StateDirectory
    from bulkprof.store.run import RunFile
    from bulkprof.store.status import is_plan
    from bulkprof.system.files import check_apart, check_path
    from bulkprof.workflows.summary import summary_of

    if as_json and markdown:
        raise typer.BadParameter("can't go with --json: stdout holds one or the other", param_hint="--markdown")
    terminal = make_terminal(as_json, no_color, log_format)
    with ending(terminal):
        for flag, file in (("--results", results), ("--failed", failed)):
            if file:
                check_path(flag, file)
        state = StateDirectory(state_dir)
        with RunFile.look_at(state.find(run_id)) as run:
            try:
                run.check()
            except DamagedError as damage:
                terminal.warn(f"what is shown may be wrong: {damage}")
            summary, planned = summary_of(run), is_plan(run)
            if planned and (results or failed):
                raise UsageError(f"{run_id} is a plan that was not carried out: it has no outcomes yet to write")
            check_apart({"--results": results, "--failed": failed}, run.details().manifests)
            if results:
                write_results(results, run.results(), raw=csv_cells == "raw")
                terminal.note(f"results: {results}")
            if failed:
                count = write_failed(failed, run, load(config).settings.own_tags, safe=csv_cells == "safe")
                terminal.note(f"rows to mend: {count} in {failed}")
            if as_json:
                terminal.json(report_json(summary, run, state))
            elif markdown and planned:
                terminal.text(plan_markdown(plan_of(run), declined=run.details().status is RunStatus.DECLINED))
            elif markdown:
                terminal.text(run_markdown(summary, run, state))
            elif planned:
                _show_plan(terminal, run, state, flags_again(config, state_dir))
            else:
                _show_run(terminal, summary, run, state, flags_again(config, state_dir))
    return ExitCode.DONE


def _show_plan(terminal: "Terminal", run: "RunFile", state: "StateDirectory", again: list[str]) -> None:
    from bulkprof.model import RunStatus
    from bulkprof.reports.text import show_plan

    show_plan(terminal.output.console, run)
    details, kept = run.details(), run.path.absolute().parent != state.runs.absolute()
    run_id = details.id
    if details.status is RunStatus.DECLINED:
        terminal.note("planned, and not approved; nothing was changed")
    elif kept and state.run_path(run_id).exists():
        terminal.note(f"applied already, as run {run_id}; next: {command('report', run_id, *again)}")
    else:
        on = f"; next: {command('apply', str(run.path), *again)}" if kept else ""
        terminal.note(f"planned, and not applied: nothing was changed{on}")


def _show_run(
    terminal: "Terminal", summary: "RunSummary", run: "RunFile", state: "StateDirectory", again: list[str]
) -> None:
    from bulkprof.model import AT_WORK, RunStatus
    from bulkprof.reports.failures import failure_lines
    from bulkprof.reports.text import show_summary
    from bulkprof.store.status import status_of, told_its_end, why_unfinished
    from bulkprof.text.printable import headed, printable_lines

    show_summary(terminal.output.console, summary, failure_lines(run, each=1000))
    details = run.details()
    if how := why_unfinished(run, state):
        at_work = status_of(run, state) in AT_WORK
        on = "" if at_work else f"; to go on: {command('resume', summary.run_id, *again)}"
        # Only where it wasn't a signal.
        why = f" ({details.error})" if details.error else ""
        terminal.note(f"{how}{why}{on}")
    elif details.status is RunStatus.REFUSED and details.error:
        terminal.note(headed("the run did not start: ", printable_lines(details.error.split("\n"))))
    if told_its_end(run) and (missing := run.sinks_missing()):
        again_to = command("runs", "redeliver", summary.run_id, *again)
        terminal.note(f"not delivered: {', '.join(missing)}; to deliver: {again_to}")
