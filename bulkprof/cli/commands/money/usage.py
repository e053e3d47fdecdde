"""The command `usage`: how much each profile is used, and what is invoked past profiles."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bulkprof.cli.app import app
from bulkprof.cli.flags import SANDBOX, Cells, Display, Execution, Only, Scope, with_flags
from bulkprof.cli.next_steps import NONE_FOUND
from bulkprof.cli.running import ending, make_options, make_terminal, run_async
from bulkprof.errors import UsageError

if TYPE_CHECKING:
    from bulkprof.cli.terminal import Terminal
    from bulkprof.money.usage import Period
    from bulkprof.workflows.money.usage import UsageFound


@app.command()
@with_flags
def usage(
    *,
    days: Annotated[int, typer.Option("--days", metavar="N", help="Of the last N days, today among them.")] = 30,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="FIELD", help="Sums by tag:KEY, account or region, instead of each profile."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="A row for each profile, as a .csv file.")
    ] = None,
    unused: Annotated[
        Path | None,
        typer.Option(
            "--unused", metavar="FILE", help="The profiles that were never used, as a manifest: .csv or .jsonl."
        ),
    ] = None,
    scope: Annotated[Scope, Only("accounts", "not_accounts", "regions")],
    run: Annotated[Execution, Only("csv_cells", "max_targets_in_flight", "config", "state_dir", *SANDBOX)],
    shown: Display,
) -> int:
    """Show how much each of the estate's profiles is used, and what is invoked past them. Changes nothing.

    By default it looks where a row without account and region would: [defaults], else your account and Region.
    """
    from bulkprof.reports.money.usage import write_usage
    from bulkprof.reports.text import counted
    from bulkprof.workflows.money import usage as usages

    terminal = make_terminal(shown)
    options = make_options(terminal, scope, run)
    with ending(terminal):
        period = _period(days, by, csv, unused)

        async def work() -> "UsageFound":
            return await usages.usage(period, options, terminal, terminal.stop, unused=unused)

        found = run_async(terminal, work, again=None)
        if csv is not None:
            write_usage(csv, found.usage, raw=run.csv_cells is Cells.RAW)
    _tell(terminal, found, by)
    if csv is not None:
        terminal.note(f"a row for each profile: {csv}")
    if unused is not None:
        terminal.note(f"never used: {counted(found.unused_written, 'profile')}, in {unused}")
    return int(found.exit_code)


def _period(days: int, by: str | None, csv: Path | None, unused: Path | None) -> "Period":
    """Check the flags. Raises `UsageError`."""
    from bulkprof.money.usage import Period, grouping
    from bulkprof.system.files import check_apart, check_path

    if csv is not None:
        check_path("--csv", csv, (".csv",))
    if unused is not None:
        check_path("--unused", unused)
    check_apart({"--csv": csv, "--unused": unused}, ())
    try:
        if by is not None:
            grouping(by)
    except ValueError as error:
        raise UsageError(f"--by {error}") from None
    try:
        return Period.until(datetime.now(UTC).date(), days)
    except ValueError as error:
        raise UsageError(f"--days {days}: {error}") from None


def _tell(terminal: "Terminal", found: "UsageFound", by: str | None) -> None:
    from bulkprof.reports.money.usage import show_usage, usage_json
    from bulkprof.reports.text import counted

    if terminal.as_json:
        terminal.json(
            {
                "command": "usage",
                **usage_json(found.usage, by),
                "targets": found.targets,
                "foreign": found.foreign,
                "unreachable": {str(target): str(error) for target, error in sorted(found.unreachable.items())},
                "exit_code": int(found.exit_code),
            }
        )
    show_usage(terminal.output.console, found.usage, by)
    if not found.usage.profiles and not found.unreachable:
        terminal.warn(NONE_FOUND)
    if found.foreign:
        terminal.note(f"{counted(found.foreign, 'profile')} of other estates, or of none, left out")
