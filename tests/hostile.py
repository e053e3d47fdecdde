"""Text that means harm, and what has to be true of everything that shows it."""

from __future__ import annotations

import re

from tests.cli.driver import CommandLine, Ended

LINK = "\x1b]8;;http://evil.example\x07here\x1b]8;;\x07"
HOSTILE = (
    f"a {LINK} \x1b]0;title\x07\x1b[2J\x9b31m \u202eb\u2066 \u200bc\x00\x08\x7f\r\n::stop-commands::tok\n"
    "\t::add-mask::x\u2028::error::y\x85##[add-mask]z ##vso[task.setvariable variable=p]q\r[red]d[/red] "
    "[link=http://evil.example]e[/link] |`f`|<!channel> <@U1> <http://evil.example|g> ![h](http://evil.example/i.png)"
)
"""All of it in one text: sequences, titles, a changed reading direction, commands of CI systems, and markup."""
FILE = "::add-mask::a\n ::error::b\x1b[2J\u202e.csv"
"""A manifest's name."""
WAYS = [(), ("--json",), ("--log-format", "json"), ("--json", "--log-format", "json")]
"""The ways that commands say what they say."""
_ACTS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_COMMAND = re.compile(r"^\s*::|##\w*\[", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ENDS_A_LINE = re.compile("[\v\f\x1c-\x1e\x85\u2028\u2029]")


def assert_harmless(text: str, *, coloured: bool = False) -> None:
    """Fail where anything in the text would be acted on by a terminal, a log or a CI system."""
    if coloured:
        text = _COLOUR.sub("", text)
    found = _ACTS.search(text) or _ENDS_A_LINE.search(text) or _COMMAND.search(text)
    assert found is None, ascii(text[max(found.start() - 60, 0) : found.end() + 60])


def assert_harmless_end(ended: Ended) -> None:
    """Check both streams."""
    assert_harmless(ended.out)
    assert_harmless(ended.err)


def run_each_way(commands: CommandLine, *arguments: str, code: int, json_too: bool = True) -> list[Ended]:
    """Run a command in all of `WAYS`, and look at what it says."""
    ends = [commands(*arguments, *way) for way in WAYS if json_too or "--json" not in way]
    for ended in ends:
        assert ended.code == code, ended.err
        assert_harmless_end(ended)
    return ends
