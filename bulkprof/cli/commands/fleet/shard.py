"""The command `shard`: a plan in shares."""

from pathlib import Path
from typing import Annotated

import typer

import bulkprof
from bulkprof.cli.app import app
from bulkprof.cli.flags import Display, Execution, Only, with_flags
from bulkprof.cli.next_steps import command, flags_again
from bulkprof.cli.running import make_options, make_terminal, run_async
from bulkprof.errors import ExitCode


@app.command()
@with_flags
def shard(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="The file of `bulkprof plan --out`.")],
    *,
    into: Annotated[str, typer.Option("--into", metavar="DIR", help="A folder, or s3://bucket/prefix/.")],
    count: Annotated[int | None, typer.Option("--count", metavar="N", min=1, help="Cut it into N shares.")] = None,
    profiles: Annotated[
        int | None, typer.Option("--profiles", metavar="M", min=1, help="Cut it into shares of about M profiles.")
    ] = None,
    run: Annotated[Execution, Only("failure_tolerance", "yes", "config", "state_dir")],
    shown: Display,
) -> int:
    """Cut a plan into shares, to be applied anywhere. Asks first, as apply does."""
    from bulkprof.config import is_s3
    from bulkprof.reports.text import counted

    if (count is None) == (profiles is None):
        raise typer.BadParameter("one of the two is needed, and not both", param_hint="--count, --profiles")
    terminal = make_terminal(shown, yes=run.yes)
    opts = make_options(terminal, run)
    index = run_async(
        terminal,
        lambda: bulkprof.shard(plan, into, opts, terminal, terminal.stop, count=count, profiles=profiles),
        again=None,
    )
    if terminal.as_json:
        terminal.json(index.as_json())
    for share in index.shares:
        holds = f"{counted(share.targets, 'target')}, {counted(share.profiles, 'profile')}"
        terminal.note(f"{share.file}: {holds}, about {share.estimate_s:.0f} s")
    first = index.shares[0].file
    if is_s3(into):
        # Without the slash, it would be the address of one share.
        into = f"{into.rstrip('/')}/"
        terminal.note(f"next, for each share: fetch it from {into}, {command('apply', first)}, and put it back")
    else:
        terminal.note(f"next, for each share: {command('apply', str(Path(into, first)))}")
    terminal.note(f"at the end: {command('merge', plan, into, *flags_again(run))}")
    return ExitCode.DONE
