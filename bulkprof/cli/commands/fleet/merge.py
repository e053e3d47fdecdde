"""The command `merge`: shares come home."""

from typing import Annotated

import typer

import bulkprof
from bulkprof.cli.app import app
from bulkprof.cli.commands.apply import carry_out
from bulkprof.cli.flags import Display, Execution, Only, with_flags
from bulkprof.cli.running import make_options, make_terminal


@app.command()
@with_flags
def merge(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="The plan that was cut; s3://bucket/key, too.")],
    shares: Annotated[
        list[str], typer.Argument(metavar="SHARE...", help="Shares, or folders of them; s3://bucket/prefix/, too.")
    ],
    *,
    run: Annotated[Execution, Only("results", "results_columns", "failed", "csv_cells", "config", "state_dir")],
    shown: Display,
) -> int:
    """Bring the shares of a plan home: one run, one summary. Safe to be done again."""
    terminal = make_terminal(shown)
    opts = make_options(terminal, run)
    return carry_out(terminal, run, lambda: bulkprof.merge(plan, shares, opts, terminal, terminal.stop))
