"""The command `report`: a past run, or a plan that is kept in a file."""

from typing import TYPE_CHECKING, Annotated

import typer

from bulkprof.cli.app import app
from bulkprof.cli.flags import Cells, Display, Execution, Only, RunArgument, with_flags
from bulkprof.cli.next_steps import command, flags_again
from bulkprof.cli.running import ending, make_terminal
from bulkprof.errors import DamagedError, ExitCode, UsageError

if TYPE_CHECKING:
    from bulkprof.cli.terminal import Terminal
    from bulkprof.store.history.directory import StateDirectory
    from bulkprof.store.run import RunFile
    from bulkprof.totals import RunSummary


@app.command()
@with_flags
def report(
    run_id: RunArgument,
    *,
    markdown: Annotated[bool, typer.Option("--markdown", help="As Markdown, for job summaries.")] = False,
    flags: Annotated[Execution, Only("results", "failed", "csv_cells", "config", "state_dir")],
    shown: Display,
) -> int:
    """Show a run: its outcomes and failures. --results and --failed write these files again.

    RUN may also be the file of `plan --out`.
    """
    from bulkprof.reports.failed_rows import write_failed
    from bulkprof.reports.json import report_json
    from bulkprof.reports.markdown import plan_markdown, run_markdown
    from bulkprof.reports.plan import plan_of
    from bulkprof.reports.results import write_results
    from bulkprof.statuses import RunStatus
    from bulkprof.store.history.directory import StateDirectory
    from bulkprof.store.history.status import is_plan
    from bulkprof.store.run import RunFile
    from bulkprof.system.files import check_apart, check_path
    from bulkprof.workflows.config import load_config
    from bulkprof.workflows.steps.summary import summary_of

    if shown.as_json and markdown:
        raise typer.BadParameter("can't go with --json: stdout holds one or the other", param_hint="--markdown")
    terminal = make_terminal(shown)
    with ending(terminal):
        for flag, file in (("--results", flags.results), ("--failed", flags.failed)):
            if file:
                check_path(flag, file)
        state = StateDirectory(flags.state_dir)
        with RunFile.look_at(state.find(run_id)) as run:
            try:
                run.check()
            except DamagedError as damage:
                terminal.warn(f"what is shown may be wrong: {damage}")
            summary, planned = summary_of(run), is_plan(run)
            if planned and (flags.results or flags.failed):
                raise UsageError(f"{run_id} is a plan that was not carried out: it has no outcomes yet to write")
            check_apart({"--results": flags.results, "--failed": flags.failed}, run.details().manifests)
            if flags.results:
                write_results(flags.results, run.results(), raw=flags.csv_cells is Cells.RAW)
                terminal.note(f"results: {flags.results}")
            if flags.failed:
                count = write_failed(
                    flags.failed, run, load_config(flags.config).settings.own_tags, safe=flags.csv_cells is Cells.SAFE
                )
                terminal.note(f"rows to mend: {count} in {flags.failed}")
            if shown.as_json:
                terminal.json(report_json(summary, run, state))
            elif markdown and planned:
                terminal.text(plan_markdown(plan_of(run), declined=run.details().status is RunStatus.DECLINED))
            elif markdown:
                terminal.text(run_markdown(summary, run, state))
            elif planned:
                _show_plan(terminal, run, state, flags_again(flags))
            else:
                _show_run(terminal, summary, run, state, flags_again(flags))
    return ExitCode.DONE


def _show_plan(terminal: "Terminal", run: "RunFile", state: "StateDirectory", again: list[str]) -> None:
    from bulkprof.reports.text import show_plan
    from bulkprof.statuses import RunStatus

    show_plan(terminal.output.console, run)
    details, kept = run.details(), run.path.absolute().parent != state.runs.absolute()
    run_id = details.id
    _tell_fetched(terminal, run)
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
    from bulkprof.reports.failures import failure_lines
    from bulkprof.reports.text import show_summary
    from bulkprof.statuses import AT_WORK, RunStatus
    from bulkprof.store.history.status import status_of, told_its_end, why_unfinished
    from bulkprof.text.printable import headed, printable_lines

    details = run.details()
    show_summary(terminal.output.console, summary, failure_lines(run, each=1000))
    _tell_fetched(terminal, run)
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


def _tell_fetched(terminal: "Terminal", run: "RunFile") -> None:
    for address, version in run.details().fetched.items():
        terminal.note(f"read from {address}, version {version}")
