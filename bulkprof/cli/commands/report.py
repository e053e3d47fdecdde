"""The command `report`: a past run, or a plan that is kept in a file."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bulkprof.cli.app import app
from bulkprof.cli.catalogs import NewestRun
from bulkprof.cli.flags import Cells, Display, Execution, Only, with_flags
from bulkprof.cli.next_steps import command, flags_again
from bulkprof.cli.running import ending, make_terminal, state_directory
from bulkprof.errors import DamagedError, ExitCode, StateError, UsageError

if TYPE_CHECKING:
    from bulkprof.cli.terminal import Terminal
    from bulkprof.store.history.directory import StateDirectory
    from bulkprof.store.run import RunFile


@app.command()
@with_flags
def report(
    *,
    run_id: NewestRun = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="As Markdown, for job summaries.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write it as a page for browsers: one .html file.")
    ] = None,
    flags: Annotated[Execution, Only("results", "results_columns", "failed", "csv_cells", "config", "state_dir")],
    shown: Display,
) -> int:
    """Show a run: what it changed, and what needs attention. --results and --failed write these files again.

    RUN may also be the file of `plan --out`, or a share.
    """
    from bulkprof.reports.json import report_json
    from bulkprof.store.history.status import is_plan
    from bulkprof.store.run import RunFile
    from bulkprof.workflows.steps.summary import summary_of

    if shown.as_json and markdown:
        raise typer.BadParameter("can't go with --json: stdout holds one or the other", param_hint="--markdown")
    terminal = make_terminal(shown)
    with ending(terminal):
        _check_files(flags)
        state = state_directory(terminal, flags)
        path = state.find(run_id) if run_id else state.newest()
        with RunFile.look_at(path) as run:
            try:
                run.check()
            except DamagedError as damage:
                terminal.warn(f"what is shown may be wrong: {damage}")
            planned = is_plan(run)
            if planned and (flags.results or flags.failed):
                named = run_id or path.stem
                raise UsageError(f"{named} is a plan that was not carried out: it has no outcomes yet to write")
            _write_files(terminal, run, flags)
            _write_page(terminal, html, run, state, flags)
            if shown.as_json:
                terminal.json(report_json(summary_of(run), run, state))
            elif planned:
                _show_plan(terminal, run, state, flags_again(flags), markdown=markdown)
            else:
                _show_run(terminal, run, state, flags_again(flags), markdown=markdown)
    return ExitCode.DONE


def _check_files(flags: Execution) -> None:
    """Raise `UsageError` where a file that is asked for can't be written."""
    from bulkprof.reports.results.files import check_results
    from bulkprof.system.files import check_path

    if flags.results:
        check_results(flags.results)
    if flags.failed:
        check_path("--failed", flags.failed)


def _write_files(terminal: "Terminal", run: "RunFile", flags: Execution) -> None:
    from bulkprof.reports.failed_rows import write_failed
    from bulkprof.reports.results.files import require_sheets, write_results
    from bulkprof.system.files import check_apart
    from bulkprof.workflows.config import load_config

    require_sheets(run, asked=flags.results_columns)
    check_apart({"--results": flags.results, "--failed": flags.failed}, run.details().manifests)
    if flags.results:
        write_results(flags.results, run, raw=flags.csv_cells is Cells.RAW)
        terminal.note(f"results: {flags.results}")
    if flags.failed:
        own_tags = load_config(flags.config).settings.own_tags
        count = write_failed(flags.failed, run, own_tags, safe=flags.csv_cells is Cells.SAFE)
        terminal.note(f"rows to mend: {count} in {flags.failed}")


def _write_page(
    terminal: "Terminal", path: Path | None, run: "RunFile", state: "StateDirectory", flags: Execution
) -> None:
    """Write the page of a run, if a file for it is named."""
    if path is None:
        return
    from bulkprof.reports.html.page import run_page
    from bulkprof.store.history.compare import since_last
    from bulkprof.store.history.status import is_plan
    from bulkprof.system.files import check_apart, check_path, write_text
    from bulkprof.workflows.steps.summary import summary_of

    check_path("--html", path, (".html", ".htm"))
    check_apart({"--results": flags.results, "--failed": flags.failed, "--html": path}, run.details().manifests)
    if is_plan(run):
        raise UsageError(f"--html {path}: the plan was not carried out, and only runs have a page; see --markdown")
    summary = summary_of(run)
    try:
        summary = replace(summary, since_last=since_last(state, run))
    except StateError as error:
        terminal.warn(f"what is new against the last run isn't known: {error}")
    write_text(path, run_page(run, summary, state))
    terminal.note(f"page: {path}")


def _show_plan(
    terminal: "Terminal", run: "RunFile", state: "StateDirectory", again: list[str], *, markdown: bool
) -> None:
    from bulkprof.reports.plan.markdown import plan_markdown
    from bulkprof.reports.plan.text import show_plan
    from bulkprof.statuses import RunStatus

    run_id, kept = run.details().id, run.path.absolute().parent != state.runs.absolute()
    declined, applied = run.details().status is RunStatus.DECLINED, kept and state.run_path(run_id).exists()
    said = f"applied already, as run {run_id}" if applied else "planned, and not applied: nothing was changed"
    if markdown:
        terminal.text(plan_markdown(run, declined=declined))
        if not declined:
            terminal.text([f"**{said[0].upper()}{said[1:]}.**"])
        return
    show_plan(terminal.output.console, run)
    _tell_fetched(terminal, run)
    if declined:
        terminal.note("planned, and not approved; nothing was changed")
    elif applied:
        terminal.note(f"{said}; next: {command('report', run_id, *again)}")
    else:
        terminal.note(f"{said}; next: {command('apply', str(run.path), *again)}" if kept else said)


def _show_run(
    terminal: "Terminal", run: "RunFile", state: "StateDirectory", again: list[str], *, markdown: bool
) -> None:
    from bulkprof.reports.markdown import run_markdown
    from bulkprof.reports.run import show_run
    from bulkprof.statuses import AT_WORK, RunStatus
    from bulkprof.store.history.status import flags_to_resume, name_of, status_of, told_its_end, why_unfinished
    from bulkprof.text.printable import headed, printable_lines
    from bulkprof.workflows.steps.summary import summary_of

    details, summary = run.details(), summary_of(run)
    if markdown:
        terminal.text(run_markdown(summary, run, state))
        return
    everything = command("report", name_of(run), *again, "--results", "results.csv")
    show_run(terminal.output.console, summary, run, everything)
    _tell_fetched(terminal, run)
    if how := why_unfinished(run, state):
        at_work = status_of(run, state) in AT_WORK
        on = "" if at_work else f"; to go on: {command('resume', name_of(run), *flags_to_resume(run), *again)}"
        # Only where it wasn't a signal.
        why = f" ({details.error})" if details.error else ""
        terminal.note(f"{how}{why}{on}")
    elif details.status is RunStatus.REFUSED and details.error:
        terminal.note(headed("the run did not start: ", printable_lines(details.error.split("\n"))))
    if told_its_end(run) and (missing := run.sinks_missing()):
        again_to = command("runs", "redeliver", details.id, *again)
        terminal.note(f"not delivered: {', '.join(missing)}; to deliver: {again_to}")


def _tell_fetched(terminal: "Terminal", run: "RunFile") -> None:
    for address, version in run.details().fetched.items():
        terminal.note(f"read from {address}, version {version}")
