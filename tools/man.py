"""The man pages, made from the command line's own help: `python -m tools.man` writes them to `docs/man/`.

They hold neither a date nor a version, so that they change only where a command does. A library that makes them
(click-man) knows click alone, and typer brings a copy of click.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer

from bulkprof.cli.app import app, register
from bulkprof.errors import ExitCode
from tools.site.remedies import EXITS

FOLDER = Path(__file__).parents[1] / "docs" / "man"
_FILES = (
    ("bulkprof.toml", "The config, in the working directory; --config names another one."),
    (".bulkprof/", "The state directory: runs, learned rates, the sandbox; --state-dir names another one."),
)


def pages() -> dict[str, str]:
    """Return the text of each page by the name of its file: one for `bulkprof`, and one for each command."""
    register()
    group: Any = typer.main.get_command(app)
    made = {name: "\n".join(_page(name, command)) + "\n" for name, command in _commands("bulkprof", group)}
    return {f"{name.replace(' ', '-')}.1": text for name, text in made.items()}


def write(folder: Path = FOLDER) -> None:
    """Write the pages, and remove those of commands that are gone."""
    folder.mkdir(exist_ok=True)
    made = pages()
    for old in folder.glob("*.1"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="ascii")


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield name, command
    for inner, each in _inner(command).items():
        yield from _commands(f"{name} {inner}", each)


def _inner(command: Any) -> dict[str, Any]:
    """Return the commands of a group, in the order of its `--help`."""
    if not getattr(command, "commands", None):
        return {}
    return {name: command.commands[name] for name in command.list_commands(None)}


def _page(name: str, command: Any) -> Iterator[str]:
    title, paragraphs = name.replace(" ", "-"), _paragraphs(command)
    inner = _inner(command)
    context = command.make_context(name, [], resilient_parsing=True)
    yield f'.TH "{_plain(title.upper())}" "1" "" "bulkprof" "bulkprof"'
    yield ".SH NAME"
    yield rf"{_plain(title)} \- {_text(_first_sentence(command))}"
    yield ".SH SYNOPSIS"
    yield rf"\fB{_plain(name)}\fR {_usage(command)}"
    yield ".SH DESCRIPTION"
    for number, paragraph in enumerate(paragraphs):
        if number:
            yield ".PP"
        yield _line(_text(paragraph))
    for heading, kind in (("ARGUMENTS", "argument"), ("OPTIONS", "option")):
        chosen = [
            each for each in command.params if each.param_type_name == kind and not getattr(each, "hidden", False)
        ]
        if chosen or kind == "option":
            yield f".SH {heading}"
        for each in chosen:
            yield from _parameter(each, context)
    yield from _item(r"\fB\-h\fR, \fB\-\-help\fR", "Show the help, and stop.")
    if inner:
        yield ".SH COMMANDS"
        for each in inner:
            yield from _item(rf"\fB{_plain(f'{title}-{each}')}\fR(1)", _text(_first_sentence(inner[each])))
    if name == "bulkprof":
        yield ".SH FILES"
        for file, says in _FILES:
            yield from _item(rf"\fI{_plain(file)}\fR", _text(says))
    yield ".SH EXIT STATUS"
    for code in ExitCode:
        yield from _item(rf"\fB{int(code)}\fR", _text(EXITS[code][0]))
    yield ".SH SEE ALSO"
    others = [f"{title}-{each}" for each in inner] + ["bulkprof"] * (name != "bulkprof")
    yield ", ".join(rf"\fB{_plain(each)}\fR(1)" for each in others)


def _usage(command: Any) -> str:
    if _inner(command):
        return r"[\fIOPTIONS\fR] \fICOMMAND\fR [\fIARGS\fR]"
    words = [_shown_argument(each) for each in command.params if each.param_type_name == "argument"]
    return " ".join([r"[\fIOPTIONS\fR]", *(rf"\fI{_plain(word)}\fR" for word in words)])


def _shown_argument(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _parameter(parameter: Any, context: Any) -> Iterator[str]:
    says = _text(parameter.help or "")
    if parameter.param_type_name == "argument":
        yield from _item(rf"\fI{_plain(_shown_argument(parameter))}\fR", says)
        return
    # The short name first, as `--help` has it.
    names = sorted([*parameter.opts, *parameter.secondary_opts], key=len)
    shown = ", ".join(rf"\fB{_plain(name)}\fR" for name in names)
    if not parameter.is_flag:
        shown += rf" \fI{_plain(_value(parameter, context))}\fR"
    more = []
    if parameter.envvar:
        more.append(rf"Variable: \fB{_plain(parameter.envvar)}\fR.")
    if default := _default(parameter):
        more.append(rf"Default: {_plain(default)}.")
    yield from _item(shown, " ".join([says, *more]))


def _value(parameter: Any, context: Any) -> str:
    if parameter.metavar:
        return str(parameter.metavar)
    # How choices are kept depends on the version of typer, and so do the brackets around them.
    return str(parameter.get_help_record(context)[0].split()[-1].strip("<>[]"))


def _default(parameter: Any) -> str:
    value = parameter.default
    if parameter.is_flag or not isinstance(value, str | Path | Enum | int):
        return ""
    return _word(value)


def _word(value: Any) -> str:
    return str(value.value if isinstance(value, Enum) else value)


def _first_sentence(command: Any) -> str:
    return re.split(r"(?<=[^.])\. ", _paragraphs(command)[0])[0].rstrip(".")


def _paragraphs(command: Any) -> list[str]:
    return [" ".join(each.split()) for each in re.split(r"\n\s*\n", (command.help or "").strip())]


def _item(term: str, says: str) -> Iterator[str]:
    yield ".TP"
    yield _line(term)
    yield _line(says)


def _text(text: str) -> str:
    """Return prose as roff, with what stands in backticks in bold."""
    parts = text.split("`")
    return "".join(rf"\fB{_plain(part)}\fR" if number % 2 else _plain(part) for number, part in enumerate(parts))


def _plain(text: str) -> str:
    """Return text of which roff takes nothing for its own."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
    return "".join(letter if letter.isascii() else f"\\[u{ord(letter):04X}]" for letter in escaped)


def _line(text: str) -> str:
    """Return a line that roff doesn't take for a request."""
    return rf"\&{text}" if text.startswith(".") else text


if __name__ == "__main__":
    write()
