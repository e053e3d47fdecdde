"""The command `export`: live profiles as a manifest."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from bulkprof.cli.app import app
from bulkprof.cli.flags import SANDBOX, Display, Execution, Only, Scope, with_flags
from bulkprof.cli.next_steps import command, flags_again
from bulkprof.cli.running import ending, make_options, make_terminal, run_async

if TYPE_CHECKING:
    from io import TextIOWrapper

    from bulkprof.cli.terminal import Terminal
    from bulkprof.workflows.export import Export


@app.command()
@with_flags
def export(
    *,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write here, .csv or .jsonl (default: CSV on stdout).")
    ] = None,
    estate_only: Annotated[
        bool, typer.Option("--estate-only", help="Only profiles that carry this estate's ownership tag.")
    ] = False,
    scope: Annotated[Scope, Only("accounts", "not_accounts", "regions")],
    run: Annotated[Execution, Only("csv_cells", "max_targets_in_flight", "config", "state_dir", *SANDBOX)],
    shown: Display,
) -> int:
    """Write the profiles that exist as a manifest, to plan, adopt and keep. Changes nothing.

    By default it looks where a row without account and region would: [defaults], else your account and Region.
    """
    from bulkprof.system.temporary import temporary_file
    from bulkprof.workflows import export as exporting

    if shown.as_json and out is None:
        raise typer.BadParameter("needs --out FILE: stdout holds the manifest or the summary", param_hint="--json")
    terminal = make_terminal(shown)
    opts = make_options(terminal, scope, run)
    with ending(terminal), temporary_file("w+", encoding="utf-8", newline="") as stream:

        async def work() -> "Export":
            return await exporting.export(out or stream, opts, terminal, terminal.stop, estate_only=estate_only)

        found = run_async(terminal, work, again=None)
        stream.seek(0)
        cast("TextIOWrapper", terminal.stdout).buffer.write(cast("bytes", cast("TextIOWrapper", stream).buffer.read()))
        terminal.stdout.flush()
    again = [*flags_again(run), *(["--sandbox"] if run.sandbox else [])]
    _show(terminal, found, str(out or "-"), again)
    return int(found.exit_code)


def _show(terminal: "Terminal", found: "Export", out: str, again: list[str]) -> None:
    from bulkprof.reports.json import problem_json
    from bulkprof.reports.text import counted

    if terminal.as_json:
        summary: dict[str, Any] = {
            "command": "export",
            "out": out,
            "targets": found.targets,
            "profiles": found.profiles,
            "left_out": found.left_out,
            "foreign": found.foreign,
            "unreachable": {str(target): str(error) for target, error in sorted(found.unreachable.items())},
            "problems": [problem_json(problem) for problem in terminal.problems],
            "exit_code": int(found.exit_code),
        }
        terminal.json(summary)
    terminal.note(f"{counted(found.profiles, 'profile')} of {counted(found.targets, 'target')} exported")
    if found.left_out or found.unreachable:
        missing = [
            counted(found.left_out, "profile") if found.left_out else "",
            counted(len(found.unreachable), "target") if found.unreachable else "",
        ]
        terminal.error(
            f"{' and '.join(filter(None, missing))} left out, see above. Don't use this export with --prune before "
            "that is mended: it deletes what the estate has and the manifest lacks"
        )
    elif out != "-":
        terminal.note(f"next: {command('plan', out, *again)}")
