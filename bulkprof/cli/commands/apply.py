"""The commands that change something: apply, sync, resume."""

from collections.abc import Awaitable, Callable
from pathlib import Path
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
    manifests: Annotated[
        list[str], typer.Argument(metavar="MANIFEST...|PLAN", help="Manifests, or one plan or share.")
    ],
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
    given = manifests[0] if len(manifests) == 1 else ""
    return carry_out(terminal, run, lambda: bulkprof.apply(manifests, opts, terminal, terminal.stop), given)


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
    run_id: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="The run's id or its beginning, or a share's file.")
    ] = None,
    run: Execution,
    fleet: Fleet,
    shown: Display,
) -> int:
    """Go on with an interrupted run: the given one, or the newest."""
    terminal = make_terminal(shown, yes=run.yes)
    opts = make_options(terminal, run, fleet)
    return carry_out(terminal, run, lambda: bulkprof.resume(run_id, opts, terminal, terminal.stop), run_id or "")


def carry_out(
    terminal: "Terminal", flags: Execution, work: Callable[[], Awaitable["RunSummary"]], given: str = ""
) -> int:
    """Run a use case that changes things, and show its end. Return the exit code.

    `given` is what it works on, which may be a share.
    """
    from bulkprof.reports.failures import failure_lines
    from bulkprof.statuses import RunStatus
    from bulkprof.store.history.status import flags_to_resume, name_of
    from bulkprof.store.run import RunFile

    again = flags_again(flags)
    summary = run_async(terminal, work, again=again)
    with ending(terminal), RunFile.open(_file_of(summary, flags, given)) as run:
        terminal.finished(summary, failure_lines(run))
        unfinished = run.details().status is RunStatus.INTERRUPTED
        needed, name = flags_to_resume(run), name_of(run)
    if terminal.as_json:
        terminal.json(summary.as_json())
    if flags.results:
        terminal.note(f"results: {flags.results}")
    if unfinished:
        say_how_to_resume(terminal, name, [*needed, *again])
    else:
        terminal.note(f"next: {command('report', name, *again)}")
    return summary.exit_code


def _file_of(summary: "RunSummary", flags: Execution, given: str) -> Path:
    """Return where a run is kept: a share in its own file."""
    from bulkprof.store.history.directory import StateDirectory, is_share

    return Path(given) if is_share(given) else StateDirectory(flags.state_dir).run_path(summary.run_id)
