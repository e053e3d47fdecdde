"""Markdown reports: long lists are cut, and each end of a run is shown."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from bulkprof.reports import markdown
from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine


def cells(page: str) -> list[str]:
    """The text of all table cells, as a reader of Markdown sees it."""
    tokens = MarkdownIt().enable("table").parse(page)
    inside = [tokens[at + 1] for at, token in enumerate(tokens) if token.type == "td_open"]
    return ["".join(part.content for part in token.children or ()) for token in inside]


def report(commands: CommandLine, run_id: str) -> str:
    ended = commands("report", run_id, "--markdown")
    assert (ended.code, ended.err) == (0, "")
    return ended.out


def test_long_lists_are_cut_and_counted(
    commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(markdown, "LISTED", 2)
    manifest = commands.manifest(*(f"name-{number}" for number in range(5)))
    page = report(commands, commands.summary("apply", manifest)["run_id"])
    assert len(re.findall("name-[0-9] ", page)) == 2
    assert "… and 3 more." in page


def test_a_quiet_night_is_a_few_lines(commands: CommandLine, sandbox: Sandbox) -> None:
    manifest = commands.manifest("one", "two")
    commands.apply(manifest)
    summary = commands.summary("apply", manifest)
    page = report(commands, summary["run_id"])
    assert page.startswith("## bulkprof apply: nothing to do\n")
    assert cells(page) == ["unchanged", "2"]
    assert "###" not in page


def test_a_run_that_did_not_start_says_why(commands: CommandLine, sandbox: Sandbox) -> None:
    assert commands("apply", commands.manifest("bad name!"), "--yes").code == 65
    run_id = commands("runs", "--json").json()["runs"][0]["run_id"]
    assert "**The run did not start:** 1 problem in 1 row; nothing was changed." in report(commands, run_id)


def test_json_and_markdown_exclude_each_other(commands: CommandLine) -> None:
    assert commands("report", "x", "--json", "--markdown").code == 64
