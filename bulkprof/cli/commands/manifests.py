"""The commands that bring manifests to AWS: plan, apply, sync, resume."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bulkprof.cli import options as o
from bulkprof.cli.app import app
from bulkprof.cli.logs import LogFormat
from bulkprof.cli.running import (
    STATE_DIR,
    command,
    ending,
    flags_again,
    make_options,
    make_terminal,
    run_async,
    say_how_to_resume,
)
from bulkprof.errors import ExitCode

if TYPE_CHECKING:
    from bulkprof.cli.terminal import Terminal
    from bulkprof.totals import RunSummary
    from bulkprof.workflows.options import Options


@app.command()
def plan(
    manifests: o.Manifests,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Keep the plan, for `bulkprof apply FILE`.")
    ] = None,
    detailed_exitcode: Annotated[
        bool,
        typer.Option("--detailed-exitcode", envvar="BULKPROF_DETAILED_EXITCODE", help="Exit 2 when changes wait."),
    ] = False,
    prune: o.Prune = False,
    replace: o.Replace = False,
    accounts: o.Accounts = None,
    not_accounts: o.NotAccounts = None,
    regions: o.Regions = None,
    skip_invalid: o.SkipInvalid = False,
    max_targets_in_flight: o.TargetsInFlight = None,
    config: o.ConfigFile = None,
    state_dir: o.StateDir = STATE_DIR,
    sandbox: o.UseSandbox = False,
    as_json: o.Json = False,
    log_format: o.Logs = LogFormat.TEXT,
    no_color: o.NoColor = False,
) -> int:
    """Show what would change; change nothing."""
    import bulkprof
    from bulkprof.reports.json import plan_json
    from bulkprof.system.temporary import temporary_folder

    terminal = make_terminal(as_json, no_color, log_format, yes=True)
    opts = make_options(
        terminal,
        config,
        state_dir,
        prune=prune,
        replace=replace,
        accounts=accounts,
        not_accounts=not_accounts,
        regions=regions,
        skip_invalid=skip_invalid,
        max_targets_in_flight=max_targets_in_flight,
        sandbox=sandbox,
    )
    with ending(terminal), temporary_folder() as folder:
        path = out or folder / "plan.db"
        found = run_async(
            terminal, lambda: bulkprof.plan(manifests, opts, terminal, terminal.stop, out=path), again=None
        )
        code = ExitCode.DONE if found.in_order else ExitCode.ROWS_FAILED
        if found.has_changes and detailed_exitcode:
            code = ExitCode.CHANGES_PENDING
        if as_json:
            terminal.json(plan_json(found, int(code)))
    if out is not None:
        terminal.note(f"next: {command('apply', str(out), *flags_again(config, state_dir))}")
    return code


@app.command()
def apply(
    manifests: Annotated[list[str], typer.Argument(metavar="MANIFEST...|PLAN", help="Manifests, or one plan file.")],
    replace: o.Replace = False,
    accounts: o.Accounts = None,
    not_accounts: o.NotAccounts = None,
    regions: o.Regions = None,
    skip_invalid: o.SkipInvalid = False,
    results: o.Results = None,
    failed: o.Failed = None,
    csv_cells: o.CsvCells = None,
    failure_tolerance: o.FailureTolerance = None,
    deadline: o.Deadline = None,
    max_targets_in_flight: o.TargetsInFlight = None,
    yes: o.Yes = False,
    config: o.ConfigFile = None,
    state_dir: o.StateDir = STATE_DIR,
    sandbox: o.UseSandbox = False,
    as_json: o.Json = False,
    log_format: o.Logs = LogFormat.TEXT,
    no_color: o.NoColor = False,
) -> int:
    """Create what is missing and repair tags. Deletes nothing."""
    import bulkprof

    terminal = make_terminal(as_json, no_color, log_format, yes=yes)
    opts = make_options(
        terminal,
        config,
        state_dir,
        replace=replace,
        accounts=accounts,
        not_accounts=not_accounts,
        regions=regions,
        skip_invalid=skip_invalid,
        results=results,
        failed=failed,
        csv_cells=csv_cells,
        failure_tolerance=failure_tolerance,
        deadline=deadline,
        max_targets_in_flight=max_targets_in_flight,
        sandbox=sandbox,
    )
    return carry_out(terminal, config, opts, lambda: bulkprof.apply(manifests, opts, terminal, terminal.stop))


@app.command()
def sync(
    manifests: o.Manifests,
    prune: o.Prune = False,
    replace: o.Replace = False,
    accounts: o.Accounts = None,
    not_accounts: o.NotAccounts = None,
    regions: o.Regions = None,
    skip_invalid: o.SkipInvalid = False,
    results: o.Results = None,
    failed: o.Failed = None,
    csv_cells: o.CsvCells = None,
    failure_tolerance: o.FailureTolerance = None,
    deadline: o.Deadline = None,
    max_targets_in_flight: o.TargetsInFlight = None,
    yes: o.Yes = False,
    config: o.ConfigFile = None,
    state_dir: o.StateDir = STATE_DIR,
    sandbox: o.UseSandbox = False,
    as_json: o.Json = False,
    log_format: o.Logs = LogFormat.TEXT,
    no_color: o.NoColor = False,
) -> int:
    """Make the estate equal to its manifests: apply, and with --prune delete what no manifest wants."""
    import bulkprof

    terminal = make_terminal(as_json, no_color, log_format, yes=yes)
    opts = make_options(
        terminal,
        config,
        state_dir,
        prune=prune,
        replace=replace,
        accounts=accounts,
        not_accounts=not_accounts,
        regions=regions,
        skip_invalid=skip_invalid,
        results=results,
        failed=failed,
        csv_cells=csv_cells,
        failure_tolerance=failure_tolerance,
        deadline=deadline,
        max_targets_in_flight=max_targets_in_flight,
        sandbox=sandbox,
    )
    return carry_out(terminal, config, opts, lambda: bulkprof.sync(manifests, opts, terminal, terminal.stop))


@app.command()
def resume(
    run_id: Annotated[str | None, typer.Argument(metavar="[RUN]", help="The run's id or its beginning.")] = None,
    results: o.Results = None,
    failed: o.Failed = None,
    csv_cells: o.CsvCells = None,
    failure_tolerance: o.FailureTolerance = None,
    deadline: o.Deadline = None,
    max_targets_in_flight: o.TargetsInFlight = None,
    yes: o.Yes = False,
    config: o.ConfigFile = None,
    state_dir: o.StateDir = STATE_DIR,
    sandbox: o.UseSandbox = False,
    as_json: o.Json = False,
    log_format: o.Logs = LogFormat.TEXT,
    no_color: o.NoColor = False,
) -> int:
    """Go on with an interrupted run: the given one, or the newest."""
    import bulkprof

    terminal = make_terminal(as_json, no_color, log_format, yes=yes)
    opts = make_options(
        terminal,
        config,
        state_dir,
        results=results,
        failed=failed,
        csv_cells=csv_cells,
        failure_tolerance=failure_tolerance,
        deadline=deadline,
        max_targets_in_flight=max_targets_in_flight,
        sandbox=sandbox,
    )
    return carry_out(terminal, config, opts, lambda: bulkprof.resume(run_id, opts, terminal, terminal.stop))


def carry_out(
    terminal: "Terminal", config: Path | None, opts: "Options", work: Callable[[], Awaitable["RunSummary"]]
) -> int:
    """Run a use case that changes things, and show its end."""
    from bulkprof.model import RunStatus
    from bulkprof.reports.failures import failure_lines
    from bulkprof.store.directory import StateDirectory
    from bulkprof.store.run import RunFile

    again = flags_again(config, opts.state_dir)
    summary = run_async(terminal, work, again=again)
    path = StateDirectory(opts.state_dir).run_path(summary.run_id)
    with ending(terminal), RunFile.open(path) as run:
        terminal.finished(summary, failure_lines(run))
        unfinished = run.details().status is RunStatus.INTERRUPTED
    if terminal.as_json:
        terminal.json(summary.as_json())
    if opts.results:
        terminal.note(f"results: {opts.results}")
    if unfinished:
        say_how_to_resume(terminal, summary.run_id, again)
    else:
        terminal.note(f"next: {command('report', summary.run_id, *again)}")
    return summary.exit_code
