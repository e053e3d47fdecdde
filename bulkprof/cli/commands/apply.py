"""The commands that change something: apply, sync, resume."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

import bulkprof
from bulkprof.cli.app import app
from bulkprof.cli.flags import Display, Execution, Fleet, Manifests, Only, Scope, with_flags
from bulkprof.cli.next_steps import command, flags_again, say_how_to_resume
from bulkprof.cli.running import ending, make_options, make_terminal, run_async, start_readers

if TYPE_CHECKING:
    from bulkprof.cli.terminal import Terminal
    from bulkprof.totals import RunSummary


@app.command()
@with_flags
def apply(
    manifests: Annotated[list[str], typer.Argument(metavar="MANIFEST...|PLAN", help="Manifests, or one plan file.")],
    scope: Annotated[
        Scope,
        Only("replace", "allow_updates", "allow_replacements", "accounts", "not_accounts", "regions", "skip_invalid"),
    ],
    run: Execution,
    fleet: Fleet,
    shown: Display,
) -> int:
    """Create what is missing and repair tags. Deletes nothing."""
    start_readers(manifests)
    terminal = make_terminal(shown, yes=run.yes)
    opts = make_options(terminal, scope, run, fleet)
    return carry_out(terminal, run, lambda: bulkprof.apply(manifests, opts, terminal, terminal.stop))


@app.command()
@with_flags
def sync(manifests: Manifests, scope: Scope, run: Execution, fleet: Fleet, shown: Display) -> int:
    """Make the estate equal to its manifests: apply, and with --prune delete what no manifest wants."""
    start_readers(manifests)
    terminal = make_terminal(shown, yes=run.yes)
    opts = make_options(terminal, scope, run, fleet)
    return carry_out(terminal, run, lambda: bulkprof.sync(manifests, opts, terminal, terminal.stop))


@app.command()
@with_flags
def resume(
    *,
    run_id: Annotated[str | None, typer.Argument(metavar="[RUN]", help="The run's id or its beginning.")] = None,
    run: Execution,
    fleet: Fleet,
    shown: Display,
) -> int:
    """Go on with an interrupted run: the given one, or the newest."""
    terminal = make_terminal(shown, yes=run.yes)
    opts = make_options(terminal, run, fleet)
    return carry_out(terminal, run, lambda: bulkprof.resume(run_id, opts, terminal, terminal.stop))


def carry_out(terminal: "Terminal", flags: Execution, work: Callable[[], Awaitable["RunSummary"]]) -> int:
    """Run a use case that changes things, and show its end. Return the exit code."""
    from bulkprof.reports.failures import failure_lines
    from bulkprof.statuses import RunStatus
    from bulkprof.store.history.directory import StateDirectory
    from bulkprof.store.history.status import flags_to_resume
    from bulkprof.store.run import RunFile

    again = flags_again(flags)
    summary = run_async(terminal, work, again=again)
    path = StateDirectory(flags.state_dir).run_path(summary.run_id)
    with ending(terminal), RunFile.open(path) as run:
        terminal.finished(summary, failure_lines(run))
        unfinished = run.details().status is RunStatus.INTERRUPTED
        needed = flags_to_resume(run)
    if terminal.as_json:
        terminal.json(summary.as_json())
    if flags.results:
        terminal.note(f"results: {flags.results}")
    if unfinished:
        say_how_to_resume(terminal, summary.run_id, [*needed, *again])
    else:
        terminal.note(f"next: {command('report', summary.run_id, *again)}")
    return summary.exit_code
