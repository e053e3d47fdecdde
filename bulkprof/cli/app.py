"""The way in: the application that commands register with, and exit codes for wrong usage."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from bulkprof.cli.early import BEFORE_WORK, TRUE, EarlyInterrupt, State
from bulkprof.errors import ExitCode, UnforeseenError
from bulkprof.text.printable import printable_lines

if TYPE_CHECKING:
    from bulkprof.cli.terminal import Terminal

# typer has a copy of click in some versions and depends on it in others; these are its errors in all of them.
_WrongUsage: type[Exception] = typer.BadParameter.__mro__[1]
_AnyClickError: type[Exception] = typer.BadParameter.__mro__[2]

HOMES = {
    "init": "init",
    "validate": "validate",
    "plan": "plan",
    "apply": "apply",
    "sync": "apply",
    "resume": "apply",
    "shard": "fleet.shard",
    "merge": "fleet.merge",
    "export": "export",
    "disown": "disown",
    "runs": "runs",
    "report": "report",
    "catalog": "catalog",
    "cost-tags": "money.cost_tags",
    "usage": "money.usage",
    "iam-policy": "iam_policy",
    "plugins": "plugins",
    "schema": "schema",
    "sandbox": "sandbox",
}
"""Commands in the order of `--help`, each with its module. Only the module of the given command is imported, since
creating all of them is much of the time of a short command. Annotations there are not strings, for the same reason:
typer would evaluate each of them several times."""


class _InOrder(TyperGroup):
    """Lists the commands as `HOMES` does."""

    def list_commands(self, _: Any) -> list[str]:
        """Return the names of the commands."""
        return [name for name in HOMES if name in self.commands]


app = typer.Typer(
    help="Amazon Bedrock application inference profiles in bulk: from a spreadsheet to every account and Region.",
    cls=_InOrder,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def register(command: str = "") -> None:
    """Let the commands of the module of `command` register themselves, or of all modules where it is none of them."""
    for home in [HOMES[command]] if command in HOMES else dict.fromkeys(HOMES.values()):
        import_module(f"bulkprof.cli.commands.{home}")


def command_in(arguments: Sequence[str]) -> str:
    """Return the first argument, or the command on the line that a shell wants completed; empty where none is known."""
    if COMPLETE not in os.environ:
        return next(iter(arguments), "")
    # Where bash has the line, a word in each line of it, and where other shells have it.
    line = os.environ.get("COMP_WORDS", "") or os.environ.get("_TYPER_COMPLETE_ARGS", "")
    words = line.split(maxsplit=2)
    # A command that nothing follows, not even a blank, is still being written.
    return words[1] if len(words) > 2 or (len(words) == 2 and line[-1].isspace()) else ""


def run(arguments: Sequence[str]) -> int:
    """Run one command line. Return its exit code."""
    State.json_printed, State.message = False, BEFORE_WORK
    try:
        return _run(arguments)
    except SystemExit as ended:
        # So typer ends what is about completion.
        if not isinstance(ended.code, int):
            raise
        return ended.code
    except (_WrongUsage, _AnyClickError) as error:
        context = getattr(error, "ctx", None)
        hint = [f"Try '{context.command_path} --help'."] if context else []
        hint = [*_with_flag(getattr(error, "option_name", "")), *hint]
        message: str = error.format_message()  # type: ignore[attr-defined]
        # Of an argument that is missing, typer lists the choices in lines of their own.
        message = message.replace(":\n\t", ": ").replace(",\n\t", ", ")
        # Of a value that is none of the choices, typer has pydantic's words.
        message = message.replace(": Value error, ", ": ")
        return _could_not_run(arguments, message, ExitCode.USAGE, hint)
    except (typer.Abort, KeyboardInterrupt, EarlyInterrupt):
        message, code = State.message, ExitCode.INTERRUPTED
        terminal_for(arguments).note(message)
        _print_json_error(arguments, message, code)
        return code
    except Exception as error:  # noqa: BLE001 - whatever it is, it ends in one line, and in its object on stdout
        unforeseen = UnforeseenError(error)
        if is_debug(arguments):
            from bulkprof.cli.foreign_lines import trace

            terminal_for(arguments).foreign("what is told next comes from here:", trace(error))
        return _could_not_run(arguments, str(unforeseen), unforeseen.exit_code)


def _run(arguments: Sequence[str]) -> int:
    variables = {name: value for name, value in os.environ.items() if name.startswith("BULKPROF_")}
    for given in (*arguments, *variables.values()):
        if not _is_text(given):
            shown = os.fsencode(given).decode(errors="backslashreplace")
            raise _WrongUsage(f"{shown}: is not UTF-8, and a name that isn't could stand in no report; rename the file")
    rest = [argument for argument in arguments if argument != DEBUG]
    register(command_in(rest))
    stdout = sys.stdout
    try:
        result = typer.main.get_command(app).main(args=rest, prog_name="bulkprof", standalone_mode=False)
    finally:
        # While a command runs, standard output is kept from whatever else prints.
        sys.stdout = stdout
    return result if isinstance(result, int) else ExitCode.DONE


def _with_flag(flag: str) -> list[str]:
    """Return a line that names the commands that have a flag which the given one lacks."""
    if not flag:
        return []
    register()
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    having = [name for name in HOMES if any(flag in parameter.opts for parameter in commands[name].params)]
    return [f"Commands with {flag}: {', '.join(having)}"] if having else []


def _is_text(text: str) -> bool:
    """Return whether it is Unicode: bytes of an argument that aren't UTF-8 are lone surrogates in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _could_not_run(arguments: Sequence[str], message: str, code: int, hint: Sequence[str] = ()) -> int:
    """Say why, in a line and, with `--json`, as the object on stdout."""
    terminal_for(arguments).error(printable_lines([message, *hint]))
    _print_json_error(arguments, message, code)
    return code


def _print_json_error(arguments: Sequence[str], message: str, code: int) -> None:
    if _is_set(arguments, "--json", "BULKPROF_JSON") and not State.json_printed:
        terminal_for(arguments).json({"error": message, "exit_code": int(code)})


COMPLETE = "_BULKPROF_COMPLETE"
"""The variable with which a shell asks for completions."""
DEBUG = "--debug"
"""Removed from the arguments wherever it stands: it is about the process, not about one command of it."""


def is_debug(arguments: Sequence[str]) -> bool:
    """Return whether tracebacks are wanted."""
    return _is_set(arguments, DEBUG, "BULKPROF_DEBUG")


def _is_set(arguments: Sequence[str], flag: str, variable: str) -> bool:
    return flag in arguments or os.environ.get(variable, "").strip().lower() in TRUE


def terminal_for(arguments: Sequence[str]) -> "Terminal":
    """Return a terminal for errors outside of a command, with the look that the bare arguments ask for."""
    from bulkprof.cli.logs import LogFormat
    from bulkprof.cli.terminal import Terminal

    given = [os.environ.get("BULKPROF_LOG_FORMAT", "")]
    given += [after for flag, after in pairwise([*arguments, ""]) if flag == "--log-format"]
    given += [argument.partition("=")[2] for argument in arguments if argument.startswith("--log-format=")]
    wanted = LogFormat.JSON if given[-1] == LogFormat.JSON else LogFormat.TEXT
    return Terminal(as_json=True, no_color="--no-color" in arguments, log_format=wanted)


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
    debug: Annotated[  # noqa: ARG001 - it is read before the command line is taken apart
        bool, typer.Option(DEBUG, envvar="BULKPROF_DEBUG", help="Show where errors come from. May stand anywhere.")
    ] = False,
) -> None:
    """Create and keep Amazon Bedrock application inference profiles in bulk."""
    if context.invoked_subcommand is None:
        if terminal_for(()).json_logs:
            context.fail("Missing command.")
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(ExitCode.USAGE)
