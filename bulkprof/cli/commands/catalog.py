"""The command `catalog`: the estate's ARNs, as the programs that call them want to be told."""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from bulkprof.cli.app import app
from bulkprof.cli.catalogs import Conditions, Live, NewestRun, check_sources, read, tell_files, tell_rest
from bulkprof.cli.flags import SANDBOX, Display, Execution, Only, Scope, with_flags
from bulkprof.cli.next_steps import NONE_FOUND
from bulkprof.cli.running import ending, make_options, make_terminal, run_async

if TYPE_CHECKING:
    from io import TextIOWrapper

    from bulkprof.cli.terminal import Terminal
    from bulkprof.workflows.catalog import Catalog


@app.command()
@with_flags
def catalog(
    *,
    run_id: NewestRun = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME",
            help="json, csv, env, tfvars, litellm, claude-code, opencode, or a plugin's.",
        ),
    ] = "json",
    live: Live = False,
    where: Conditions = None,
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
        check_sources(run_id, scope, live=live)
        asked = catalogs.layout(options, form, where or (), out)

        async def work() -> "Catalog":
            found = await read(options, terminal, run_id, live=live)
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
    tell_rest(terminal, found, "--out PATH --json lists all")
    if out is not None:
        tell_files(terminal, found)
