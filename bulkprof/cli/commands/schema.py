"""The command `schema`: JSON Schemas, for editors and for programs that check what they read."""

from typing import Annotated

import typer

from bulkprof.cli.app import app
from bulkprof.cli.flags import Lines, with_flags
from bulkprof.cli.running import ending, make_terminal
from bulkprof.errors import ExitCode
from bulkprof.schemas import SchemaName, schema_text


@app.command()
@with_flags
def schema(
    *, name: Annotated[SchemaName, typer.Argument(metavar="NAME", help=f"{', '.join(SchemaName)}.")], shown: Lines
) -> int:
    """Print the JSON Schema of manifests, the config, results or a run's summary."""
    terminal = make_terminal(shown)
    with ending(terminal):
        terminal.text(schema_text(name).rstrip("\n").split("\n"))
    return ExitCode.DONE
