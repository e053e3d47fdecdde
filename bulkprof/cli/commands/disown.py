"""The command `disown`: profiles that the estate lets go of."""

from typing import Annotated

import typer

import bulkprof
from bulkprof.cli.app import app
from bulkprof.cli.commands.apply import carry_out
from bulkprof.cli.flags import SANDBOX, Display, Execution, Only, Scope, with_flags
from bulkprof.cli.running import make_options, make_terminal


@app.command()
@with_flags
def disown(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="What the profiles are called.")],
    scope: Annotated[Scope, Only("allow_updates", "accounts", "not_accounts", "regions")],
    run: Annotated[
        Execution,
        Only(
            *("results", "failure_tolerance", "deadline", "max_targets_in_flight"),
            *("yes", "config", "state_dir", *SANDBOX),
        ),
    ],
    shown: Display,
) -> int:
    """Take the estate's ownership tags off profiles, and leave them and their other tags.

    By default it looks where a row without account and region would: [defaults], else your account and Region. Take
    the profiles out of the manifests, too, or write true into their column `disown`: else the next run adopts them.
    """
    terminal = make_terminal(shown, yes=run.yes)
    opts = make_options(terminal, scope, run)
    code = carry_out(terminal, run, lambda: bulkprof.disown(names, opts, terminal, terminal.stop))
    terminal.note(
        "a manifest that still wants them adopts them again: take them out, or write true into their column disown"
    )
    return code
