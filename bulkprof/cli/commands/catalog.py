"""The command `catalog`: the estate's ARNs, as the programs that call them want to be told."""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from bulkprof.cli.app import app
from bulkprof.cli.flags import SANDBOX, Display, Execution, Only, Scope, with_flags
from bulkprof.cli.next_steps import NONE_FOUND
from bulkprof.cli.running import ending, make_options, make_terminal, run_async
from bulkprof.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from io import TextIOWrapper

    from bulkprof.cli.terminal import Terminal
    from bulkprof.workflows.catalog import Catalog


FILES_SHOWN = 5
"""Files that are named; `--json` names all."""
LEFT_OUT_SHOWN = 20
"""Lines about profiles that are left out; `--json` names all."""
ALIKE_SHOWN = 3
"""Profiles left out for one reason that have a line each; more of them share one."""


@app.command()
@with_flags
def catalog(
    *,
    run_id: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="The run's id or its beginning; the newest by default.")
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME",
            help="json, csv, env, tfvars, litellm, claude-code, opencode, or a plugin's.",
        ),
    ] = "json",
    live: Annotated[bool, typer.Option("--live", help="Ask AWS what exists, instead of a run.")] = False,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="FIELD=VALUE", help="Only these, such as tag:Team=search. All must hold."),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="PATH",
            help="A file, or s3://bucket/key. With {tag:Team} or another field in it, a file for each value.",
        ),
    ] = None,
    scope: Annotated[Scope, Only("accounts", "not_accounts", "regions")],
    run: Annotated[Execution, Only("max_targets_in_flight", "config", "state_dir", *SANDBOX)],
    shown: Display,
) -> int:
    """Print the profiles' ARNs as another program wants them: of the newest run, or with --live of AWS."""
    from bulkprof.workflows import catalog as catalogs

    if shown.as_json and out is None:
        raise typer.BadParameter("needs --out PATH: stdout holds the catalog or the summary", param_hint="--json")
    terminal = make_terminal(shown)
    options = make_options(terminal, scope, run)
    with ending(terminal):
        if live and run_id:
            raise UsageError(f"--live asks AWS, not run {run_id}: leave one of them out")
        if not live and (scope.accounts or scope.not_accounts or scope.regions):
            raise UsageError("--accounts, --not-accounts and --regions say where --live looks; a run has --where")
        asked = catalogs.layout(options, form, where or (), out)

        async def work() -> "Catalog":
            read = catalogs.live(options, terminal, terminal.stop) if live else catalogs.recorded(options, run_id)
            found = await read
            files = catalogs.texts(found, asked)
            if out is None:
                # Byte for byte as in a file: lines made printable might not be what the format says.
                cast("TextIOWrapper", terminal.stdout).buffer.write(files[""].encode())
                terminal.stdout.flush()
            else:
                await catalogs.write(found, files, options, terminal, terminal.stop)
            return found

        found = run_async(terminal, work, again=None)
    _tell(terminal, found, out)
    if live and not found.entries and not found.unreachable:
        terminal.warn(NONE_FOUND)
    return int(found.exit_code)


def _tell(terminal: "Terminal", found: "Catalog", out: str | None) -> None:
    from bulkprof.reports.text import counted

    if terminal.as_json:
        terminal.json(
            {
                "command": "catalog",
                "files": found.files,
                "profiles": len(found.entries),
                "left_out": found.left_out,
                "without_arn": len(found.missing),
                "foreign": found.foreign,
                "unreachable": {str(target): str(error) for target, error in sorted(found.unreachable.items())},
                "exit_code": int(found.exit_code),
            }
        )
    if found.foreign:
        terminal.note(f"{counted(found.foreign, 'profile')} of other estates, or of none, left out")
    if found.missing:
        terminal.warn(
            f"{counted(len(found.missing), 'profile')} of the run left out, without an ARN: see bulkprof report"
        )
    lines = _left_out(found.left_out)
    for line, _ in lines[:LEFT_OUT_SHOWN]:
        terminal.error(f"left out: {line}")
    if more := sum(profiles for _, profiles in lines[LEFT_OUT_SHOWN:]):
        terminal.error(f"left out: {more} more; --out PATH --json lists all")
    if out is not None:
        shown = [*found.files[:FILES_SHOWN], *(["…"] if len(found.files) > FILES_SHOWN else [])]
        terminal.note(f"{counted(len(found.files), 'file')} written: {', '.join(shown)}")


def _left_out(lines: "Sequence[str]") -> list[tuple[str, int]]:
    """Return what is told of profiles that are left out, each with their number: a reason of many is told once."""
    alike: dict[str, list[str]] = {}
    for line in lines:
        alike.setdefault(line.partition(": ")[2] or line, []).append(line)
    told: list[tuple[str, int]] = []
    for reason, of_reason in alike.items():
        if len(of_reason) <= ALIKE_SHOWN:
            told += [(line, 1) for line in of_reason]
        else:
            first = of_reason[0].partition(": ")[0]
            told.append((f"{len(of_reason)} profiles (the first: {first}): {reason}", len(of_reason)))
    return told
