"""The way in: the application that commands register with, and exit codes for wrong usage."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from typing import IO, TYPE_CHECKING, Annotated

import typer

from bulkprof.cli.early import SAID, EarlyInterrupt
from bulkprof.errors import ExitCode
from bulkprof.printable import json_text, printable_lines

if TYPE_CHECKING:
    from bulkprof.cli.terminal import Terminal

# typer carries click with it in some versions and depends on it in others; these are its errors in all of them.
_WrongUsage: type[Exception] = typer.BadParameter.__mro__[1]
_AnyClickError: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    help="Amazon Bedrock application inference profiles in bulk: from a spreadsheet to every account and Region.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

HOMES = {
    "export": "export",
    "runs": "history",
    "report": "history",
    "validate": "validating",
    "plan": "manifests",
    "apply": "manifests",
    "sync": "manifests",
    "resume": "manifests",
    "iam-policy": "policy",
    "init": "setup",
    "plugins": "setup",
    "sandbox": "setup",
}
"""Commands, and the module that each is in: making them is much of what a short command takes, so it is done for the
module that is asked for. Annotations there are no strings, for the same reason: typer evaluates each of them thrice."""


def register(command: str = "") -> None:
    """Let the commands of the module of `command` register themselves, or of all modules where it is none of them."""
    for home in [HOMES[command]] if command in HOMES else dict.fromkeys(HOMES.values()):
        import_module(f"bulkprof.cli.{home}")


def run(arguments: Sequence[str]) -> int:
    """Run one command line; answers its exit code."""
    register(*arguments[:1])
    stdout = sys.stdout
    try:
        command = typer.main.get_command(app)
        result = command.main(args=list(arguments), prog_name="bulkprof", standalone_mode=False)
    except (_WrongUsage, _AnyClickError) as error:
        context = getattr(error, "ctx", None)
        hint = [f"Try '{context.command_path} --help'."] if context else []
        message: str = error.format_message()  # type: ignore[attr-defined]
        _terminal(arguments).error(printable_lines([message, *hint]))
        if "--json" in arguments:
            stdout.write(_json_error(message, ExitCode.USAGE))
        return ExitCode.USAGE
    except (typer.Abort, KeyboardInterrupt, EarlyInterrupt):
        _terminal(arguments).note(SAID)
        if "--json" in arguments:
            stdout.write(_json_error(SAID, ExitCode.INTERRUPTED))
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # `bulkprof ... | head`: nobody reads any more, which is no error of ours.
        nobody_reads(stdout)
        return ExitCode.DONE
    finally:
        sys.stdout = stdout
    return result if isinstance(result, int) else ExitCode.DONE


def _json_error(message: str, code: ExitCode) -> str:
    return json_text({"error": message, "exit_code": int(code)}, ascii_only=True) + "\n"


def _terminal(arguments: Sequence[str]) -> "Terminal":
    """For what goes wrong before a command has its own: how lines look, as far as the bare arguments tell."""
    from bulkprof.cli.logs import LogFormat
    from bulkprof.cli.terminal import Terminal

    given = [os.environ.get("BULKPROF_LOG_FORMAT", "")]
    given += [after for flag, after in pairwise([*arguments, ""]) if flag == "--log-format"]
    given += [argument.partition("=")[2] for argument in arguments if argument.startswith("--log-format=")]
    wanted = LogFormat.JSON if given[-1] == LogFormat.JSON else LogFormat.TEXT
    return Terminal(as_json=True, no_color="--no-color" in arguments, log_format=wanted)


def nobody_reads(stream: IO[str]) -> None:
    """Let what is still written to a pipe that was closed at its other end go nowhere, also at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def version(value: bool) -> None:
    """Print the version and stop."""
    if value:
        from bulkprof._version import __version__

        typer.echo(f"bulkprof {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    show_version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", callback=version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Create and keep Amazon Bedrock application inference profiles in bulk."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(ExitCode.USAGE)
