"""The command `report`: a past run, or a plan that is kept in a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import bulkprof
from bulkprof.cli.app import app
from bulkprof.cli.catalogs import NewestRun
from bulkprof.cli.flags import Display, Execution, Only, with_flags
from bulkprof.cli.next_steps import command, flags_again
from bulkprof.cli.running import ending, make_terminal, past_options
from bulkprof.errors import ExitCode

if TYPE_CHECKING:
    from bulkprof.cli.terminal import Terminal
    from bulkprof.store.history.directory import StateDirectory
    from bulkprof.store.run import RunFile

_FLAGS = ("results", "results_columns", "failed", "csv_cells", "config", "state_dir")


@app.command()
@with_flags
def report(
    *,
    run_id: NewestRun = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="As Markdown, for job summaries.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write it as a page for browsers: one .html file.")
    ] = None,
    flags: Annotated[Execution, Only(*_FLAGS)],
    shown: Display,
) -> int:
    """Show a run: what it changed, and what needs attention. --results and --failed write these files again.

    RUN may also be the file of `plan --out`, or a share.
    """
    from bulkprof.store.run import RunFile
    from bulkprof.workflows.steps.remote.directory import state_directory

    if shown.as_json and markdown:
        raise typer.BadParameter("can't go with --json: stdout holds one or the other", param_hint="--markdown")
    terminal = make_terminal(shown)
    with ending(terminal):
        options = past_options(terminal, flags, needs_config=flags.failed is not None)
        found = bulkprof.report(run_id, options, terminal, html=html)
        if shown.as_json:
            terminal.json(found.as_json())
        elif markdown:
            terminal.text(found.markdown().split("\n"))
        else:
            show = _show_plan if found.is_plan else _show_run
            with RunFile.look_at(found.run.path) as run:
                show(terminal, run, state_directory(options, terminal.warn), flags_again(flags))
    return ExitCode.DONE


def _show_plan(terminal: "Terminal", run: "RunFile", state: "StateDirectory", again: list[str]) -> None:
    from bulkprof.reports.plan.text import show_plan
    from bulkprof.statuses import RunStatus
    from bulkprof.workflows.history.report import is_kept_apart, plan_standing, was_applied

    details, said = run.details(), plan_standing(run, state)
    show_plan(terminal.output.console, run)
    _tell_fetched(terminal, run)
    if details.status is RunStatus.DECLINED or not is_kept_apart(run, state):
        terminal.note(said)
    elif was_applied(run, state):
        terminal.note(f"{said}; next: {command('report', details.id, *again)}")
    else:
        terminal.note(f"{said}; next: {command('apply', str(run.path), *again)}")


def _show_run(terminal: "Terminal", run: "RunFile", state: "StateDirectory", again: list[str]) -> None:
    from bulkprof.reports.run import show_run
    from bulkprof.statuses import AT_WORK, RunStatus
    from bulkprof.store.history.status import flags_to_resume, name_of, status_of, told_its_end, why_unfinished
    from bulkprof.text.printable import headed, printable_lines
    from bulkprof.workflows.steps.summary import summary_of

    details, summary = run.details(), summary_of(run)
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
