"""Reads a page as its readers follow it: the files that it has them write, the commands, and what those show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXIT = re.compile(r"\s+# exit (\d+)$")


@dataclass
class Step:
    """A file to write, or a command with what it has to show."""

    file: str = ""
    text: str = ""
    arguments: list[str] = field(default_factory=list)
    exit_code: int = 0
    shown: list[str] = field(default_factory=list)


def steps(page: str) -> Iterator[Step]:
    """The page's files and commands, in its order. A `…` in shown output stands for anything."""
    for language, title, text in _BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        if title:
            yield Step(file=title, text=text)
        elif language == "console":
            for command in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                yield _command(*command.splitlines())


def _command(line: str, *shown: str) -> Step:
    code = _EXIT.search(line)
    # Where a page keeps output in a file, tests look at the output.
    program, *arguments = shlex.split(line.partition(" > ")[0], comments=True)
    assert program == "bulkprof", line
    return Step(
        arguments=arguments, exit_code=int(code[1]) if code else 0, shown=[each for each in shown if each.strip()]
    )


def missing(shown: list[str], said: str) -> list[str]:
    """Those of the shown lines that are not in what the command said, one after the other."""
    lines, lacking = iter(said.splitlines()), []
    for each in shown:
        wanted = re.compile(".*".join(map(re.escape, each.strip().split("…"))))
        if not any(wanted.fullmatch(line.strip()) for line in lines):
            lacking.append(each)
    return lacking
