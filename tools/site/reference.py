"""The pages of the reference, made from the code, so that they say what it does."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from bulkprof import errors
from bulkprof.aws.errors.codes import CODES
from bulkprof.cli.app import app, register
from bulkprof.config import Settings
from bulkprof.plugins import hookspecs
from bulkprof.plugins.registry import HOOKS
from tools.site.remedies import EXITS, REMEDIES


def pages() -> dict[str, str]:
    """Return the Markdown of each page by its name on the site."""
    return {
        "reference/commands.md": "\n".join(_commands()),
        "reference/config.md": "\n".join(_config()),
        "reference/hooks.md": "\n".join(_hooks()),
        "reference/exit-codes.md": "\n".join(_exit_codes()),
        "reference/errors.md": "\n".join(_errors()),
    }


def _cell(text: str) -> str:
    """The text as one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: str) -> str:
    """The text as code in a cell."""
    return f"`{_cell(text)}`" if text else ""


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = list(header)
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


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
    yield f"{name} {' '.join(command.collect_usage_pieces(context))}"
    yield "```"
    yield ""
    shown = [(each, each.get_help_record(context)) for each in command.params]
    rows = [(each, record) for each, record in shown if record and "--help" not in each.opts]
    if rows:
        yield from _table(("flag or argument", "variable", "what it does"), map(_parameter, rows))
    for each, inner in getattr(command, "commands", {}).items():
        yield from _command(f"{name} {each}", inner, level + 1)


def _parameter(row: tuple[Any, tuple[str, str]]) -> tuple[str, str, str]:
    parameter, (shown, says) = row
    variable = parameter.envvar or ""
    left = re.sub(rf"\s*\[env var: {variable}(?:; )?", " [", says) if variable else says
    return _code(shown), _code(variable), _cell(left.replace(" []", ""))


def _config() -> Iterator[str]:
    yield "# Config keys"
    yield ""
    yield "`bulkprof.toml` in the working directory, or the file that `--config` names. All keys may be left out;"
    yield "unknown ones are refused. Where a list is taken, a single text is, too."
    yield "[samples/bulkprof.toml](../source/samples/bulkprof.toml.md) is a complete one with comments."
    yield ""
    yield from _section(Settings, "")


def _section(section: type[BaseModel], path: str) -> Iterator[str]:
    yield f"## `[{path}]`" if path else "## At the top"
    yield ""
    yield inspect.cleandoc(section.__doc__ or "") if path else "Keys that stand in no table."
    yield ""
    said = _field_docs(section)
    inner: list[tuple[str, type[BaseModel]]] = []
    rows = []
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            inner.append((f"{path}.{name}" if path else name, field.annotation))
            continue
        rows.append((_code(name), _kind(section, name), _code(_default(field)), _cell(said.get(name, ""))))
    if rows:
        yield from _table(("key", "type", "default", "meaning"), rows)
    for name, table in inner:
        yield from _section(table, name)


def _field_docs(section: type[BaseModel]) -> dict[str, str]:
    """What stands under each field, in the section's class and in those that it is made from."""
    docs: dict[str, str] = {}
    for each in reversed(section.__mro__):
        if not (issubclass(each, BaseModel) and each.__module__.startswith("bulkprof.")):
            continue
        (node,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        body = node.body if isinstance(node, ast.ClassDef) else []
        for field, after in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                text = after.value.value if _is_text(after) else ""  # type: ignore[attr-defined]
                docs[field.target.id] = text or docs.get(field.target.id, "")
    return docs


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _kind(section: type[BaseModel], name: str) -> str:
    """The type of a key as TOML has it, with what its value is limited to."""
    schema = section.model_json_schema()["properties"][name]
    schema = next((each for each in schema.get("anyOf", []) if each.get("type") != "null"), schema)
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    kind = {"array": "list", "object": "table", "string": "text"}.get(schema["type"], schema["type"])
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    above = "more than " if "exclusiveMinimum" in schema else ""
    limits = (
        f", {above}{low:g} to {high:g}" if high is not None else f", {above}{low:g} or more" if low is not None else ""
    )
    return f"{kind or schema.get('type', 'text').replace('string', 'text')}{limits}"


def _default(field: Any) -> str:
    value = field.default
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[]"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


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
    yield from _table(("exit", "meaning", "what to do"), ((str(int(code)), *EXITS[code]) for code in errors.ExitCode))


def _errors() -> Iterator[str]:
    yield "# Errors"
    yield ""
    yield "Each error is one message that says what is wrong, where, and what to do next. These are their kinds, as"
    yield "`bulkprof.errors` has them for programs; the message itself goes before what stands here."
    yield ""
    for root, title in ((errors.BulkprofError, "Of bulkprof"), (errors.AwsError, "Of AWS")):
        yield f"## {title}"
        yield ""
        yield from _table(("error", "exit", "what it says", "what to do"), _error_rows(root))
    yield "## AWS's error codes"
    yield ""
    yield "The column `error_code` of the results has AWS's own code, where AWS sent one. Codes that aren't here are"
    yield "classified by their HTTP status."
    yield ""
    codes = sorted(CODES.items(), key=lambda pair: pair[0].casefold())
    yield from _table(("code", "error"), ((_code(code), _code(kind.__name__)) for code, kind in codes))


def _error_rows(root: type[errors.BulkprofError]) -> Iterator[tuple[str, str, str, str]]:
    for each in _below(root):
        if root is errors.AwsError or not issubclass(each, errors.AwsError):
            said = re.split(r"\n\n", inspect.getdoc(each) or "")[0]
            code = "130 or 143; 3 by the deadline" if each is errors.RunInterruptedError else str(int(each.exit_code))
            yield _code(each.__name__), code, _cell(said), _cell(REMEDIES[each])


def _below(kind: type[errors.BulkprofError]) -> Iterator[type[errors.BulkprofError]]:
    """The kinds of errors that derive from this one, in the order of their declaration."""
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield each
            yield from _below(each)
