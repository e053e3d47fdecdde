"""The command `plan`: what would change."""

from pathlib import Path
from typing import Annotated

import typer

import bulkprof
from bulkprof.cli.app import app
from bulkprof.cli.flags import SANDBOX, Display, Execution, Fleet, Manifests, Only, Scope, flag, with_flags
from bulkprof.cli.next_steps import command, flags_again
from bulkprof.cli.running import ending, make_options, make_terminal, run_async, start_readers
from bulkprof.errors import ExitCode


@app.command()
@with_flags
def plan(
    manifests: Manifests,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Keep the plan, for `bulkprof apply FILE`.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every change, and not only the first of each kind.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As Markdown, for a comment of a pull request.")] = False,
    detailed_exitcode: Annotated[bool, flag("--detailed-exitcode", "Exit 2 when changes wait.")] = False,
    scope: Scope,
    run: Annotated[Execution, Only("results_columns", "max_targets_in_flight", "config", "state_dir", *SANDBOX)],
    fleet: Fleet,
    shown: Display,
) -> int:
    """Show what would change; change nothing."""
    if shown.as_json and markdown:
        raise typer.BadParameter("can't go with --json: stdout holds one or the other", param_hint="--markdown")
    start_readers(manifests)
    from bulkprof.cli.terminal import PlanAs
    from bulkprof.reports.json import plan_json
    from bulkprof.system.temporary import temporary_folder

    terminal = make_terminal(shown, yes=True)
    terminal.whole_plan = everything
    terminal.plan_as = PlanAs.JSON if shown.as_json else PlanAs.MARKDOWN if markdown else PlanAs.TEXT
    opts = make_options(terminal, scope, run, fleet)
    with ending(terminal), temporary_folder() as folder:
        path = out or folder / "plan.db"
        found = run_async(
            terminal, lambda: bulkprof.plan(manifests, opts, terminal, terminal.stop, out=path), again=None
        )
        code = ExitCode.DONE if found.in_order else ExitCode.ROWS_FAILED
        if found.has_changes and detailed_exitcode:
            code = ExitCode.CHANGES_PENDING
        if shown.as_json:
            terminal.json(plan_json(found, int(code)))
    if out is not None:
        terminal.note(f"next: {command('apply', str(out), *flags_again(run))}")
    return code
