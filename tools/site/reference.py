"""The pages of the reference, made from the code, so that they say what it does."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import typer

from bulkprof import errors
from bulkprof.aws.errors.codes import CODES
from bulkprof.cli.app import app, register
from bulkprof.plugins import hookspecs
from bulkprof.plugins.registry import HOOKS
from tools.site import config_page
from tools.site.remedies import EXITS, REMEDIES
from tools.site.tables import cell, code, table


def pages() -> dict[str, str]:
    """Return the Markdown of each page by its name on the site."""
    return {
        "reference/commands.md": "\n".join(_commands()),
        "reference/config.md": "\n".join(config_page.lines()),
        "reference/hooks.md": "\n".join(_hooks()),
        "reference/exit-codes.md": "\n".join(_exit_codes()),
        "reference/errors.md": "\n".join(_errors()),
    }


def _commands() -> Iterator[str]:
    register()
    yield "# Commands and flags"
    yield ""
    yield "A flag with a variable can be set by it, too; what stands on the command line wins. `--debug` may stand"
    yield "anywhere. [Exit codes](exit-codes.md) are the same for all commands."
    yield ""
    group: Any = typer.main.get_command(app)
    for name in group.commands:
        yield from _command(f"bulkprof {name}", group.commands[name], 2)


def _command(name: str, command: Any, level: int) -> Iterator[str]:
    context = command.make_context(name, [], resilient_parsing=True)
    yield f"{'#' * level} {name}"
    yield ""
    yield textwrap.dedent(inspect.cleandoc(command.help or ""))
    yield ""
    yield "```console"
    pieces = " ".join(command.collect_usage_pieces(context))
    usage = re.sub(r"{([^|}]+)}(?:[.]{3})?", r"\1", pieces).replace("[[", "[").replace("]]", "]")
    yield f"{name} {usage}"
    yield "```"
    yield ""
    shown = [(each, each.get_help_record(context)) for each in command.params]
    rows = [(each, record) for each, record in shown if record and "--help" not in each.opts]
    if rows:
        yield from table(("flag or argument", "variable", "what it does"), map(_parameter, rows))
    for each, inner in getattr(command, "commands", {}).items():
        yield from _command(f"{name} {each}", inner, level + 1)


def _parameter(row: tuple[Any, tuple[str, str]]) -> tuple[str, str, str]:
    parameter, (shown, says) = row
    if parameter.param_type_name == "argument":
        shown = parameter.metavar or parameter.name.upper()
    variable = parameter.envvar or ""
    left = re.sub(rf"\s*\[env var: {variable}(?:; )?", " [", says) if variable else says
    return code(shown), code(variable), cell(left.replace(" []", ""))


def _hooks() -> Iterator[str]:
    yield "# Hooks"
    yield ""
    yield "What a plugin can do, in the order in which hooks are called. An implementation may leave out arguments that"
    yield "it doesn't need. [Write a plugin](../plugins.md) has an example of each."
    yield ""
    for name in HOOKS:
        hook = getattr(hookspecs, name)
        yield f"## {name}"
        yield ""
        yield "```python"
        yield f"def {name}{str(inspect.signature(hook)).replace(chr(39), '')}"
        yield "```"
        yield ""
        yield inspect.getdoc(hook) or ""
        yield ""


def _exit_codes() -> Iterator[str]:
    yield "# Exit codes"
    yield ""
    yield "A contract with scripts and schedulers: a number keeps its meaning."
    yield ""
    yield from table(("exit", "meaning", "what to do"), ((str(int(each)), *EXITS[each]) for each in errors.ExitCode))


def _errors() -> Iterator[str]:
    yield "# Errors"
    yield ""
    yield "Each error is one message that says what is wrong, where, and what to do next. These are their kinds, as"
    yield "`bulkprof.errors` has them for programs; the message itself goes before what stands here."
    yield ""
    for root, title in ((errors.BulkprofError, "Of bulkprof"), (errors.AwsError, "Of AWS")):
        yield f"## {title}"
        yield ""
        yield from table(("error", "exit", "what it says", "what to do"), _error_rows(root))
    yield "## AWS's error codes"
    yield ""
    yield "The column `error_code` of the results has AWS's own code, where AWS sent one. Codes that aren't here are"
    yield "classified by their HTTP status."
    yield ""
    codes = sorted(CODES.items(), key=lambda pair: pair[0].casefold())
    yield from table(("code", "error"), ((code(name), code(kind.__name__)) for name, kind in codes))


def _error_rows(root: type[errors.BulkprofError]) -> Iterator[tuple[str, str, str, str]]:
    for each in _below(root):
        if root is errors.AwsError or not issubclass(each, errors.AwsError):
            said = re.split(r"\n\n", inspect.getdoc(each) or "")[0]
            ends = "130 or 143; 3 by the deadline" if each is errors.RunInterruptedError else str(int(each.exit_code))
            yield code(each.__name__), ends, cell(said), cell(REMEDIES[each])


def _below(kind: type[errors.BulkprofError]) -> Iterator[type[errors.BulkprofError]]:
    """The kinds of errors that derive from this one, in the order of their declaration."""
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield each
            yield from _below(each)
