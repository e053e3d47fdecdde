"""The page as text: what is in it, what is left out of large runs, and how each end of a run is told."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from bulkprof.model import OutcomeKind
from bulkprof.reports.html import page as page_module
from bulkprof.reports.html import table
from bulkprof.reports.html.page import run_page
from bulkprof.sandbox import Fault, Sandbox
from bulkprof.statuses import RunStatus
from bulkprof.store.history.directory import StateDirectory
from bulkprof.totals import LostProfile
from bulkprof.workflows.steps.summary import summary_of
from tests.cli.driver import CommandLine
from tests.reports.html.runs import EAST, EVIL, End, created, failed, make_run, sample


class Shown(HTMLParser):
    """The text of a page as it is shown, and the tags and attributes that make it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self._texts: list[str] = []
        self.data: Any = None
        self._inside: list[str] = []
        self.feed(page)
        self.text = " ".join(" ".join(self._texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = {name: value or "" for name, value in attrs}
        self.addresses += [values[name] for name in ("src", "href", "action", "srcset", "poster") if name in values]
        self.handlers += [name for name in values if name.startswith("on")]
        if tag in {"script", "style"}:
            self._inside.append(values.get("id", tag))

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style"}:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if self._inside and self._inside[-1] == "data":
            self.data = json.loads(data)
        elif not self._inside:
            self._texts.append(data)


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path / "state")


def shown(state: StateDirectory, rows: dict[str, End], **details: Any) -> Shown:
    with make_run(state, "run-1", rows, **details) as run:
        return Shown(run_page(run, summary_of(run), state))


def test_values_are_text_and_nothing_is_asked_for(tmp_path: Path) -> None:
    page = Shown(sample(tmp_path))
    assert page.tags.count("script") == 2
    assert not {"img", "iframe", "object", "form", "base"} & set(page.tags)
    assert page.handlers == []
    (icon,) = page.addresses
    assert icon.startswith("data:image/svg+xml,")
    assert EVIL in page.text
    assert EVIL in {row[1] for row in page.data["rows"]}


def test_what_would_act_where_it_is_shown_is_shown_as_it_is_written(tmp_path: Path) -> None:
    page = sample(tmp_path)
    assert r"\u202e\x1b[2J" in Shown(page).text
    assert not {char for char in page if not char.isprintable()} - {"\n"}


def test_header_counts_and_failures(tmp_path: Path) -> None:
    text = Shown(sample(tmp_path)).text
    assert "✕ 8 profiles of 128 to look at, 120 changed" in text
    for told in (
        "bulkprof sync prod",
        "sandbox",
        "Run 20260301T020000Z-b",
        "Status finished, exit code 3",
        "Started 2026-03-01 02:00:00 UTC",
        "Ended 2026-03-01 02:01:20 UTC",
        "At work 1 min 15 s",
        "Where a sandbox, not AWS, 2 targets",
        "120 + created",
        "4 ✕ failed",
        "failed AccessDeniedException on bedrock:CreateInferenceProfile 4 profiles in 2 targets User: arn:aws:sts::",
        "To mend: bedrock:CreateInferenceProfile is denied explicitly by a service control policy",
        "CreateInferenceProfile 14 accepted, 3 throttled, 1 failed; at most 9 accepted a second",
    ):
        assert told in text


def test_what_is_new_since_the_last_run(tmp_path: Path) -> None:
    text = Shown(sample(tmp_path)).text
    assert "Compared with run 20260228T020000Z-a , started 2026-02-28 02:00:00 UTC: 2 new failures, 2 gone" in text
    assert f"✕ failed {EVIL} in 111122223333/us-east-1 AccessDeniedException" in text
    assert "4 ✕ failed 4 in the last run" in text


def test_a_run_in_order_says_so(state: StateDirectory) -> None:
    text = shown(state, {"a": created}).text
    assert "✓ 2 changed, all in order" in text
    assert "Needs attention" not in text
    assert "Since the last run" not in text


def test_a_run_of_an_earlier_version_has_no_times(state: StateDirectory) -> None:
    with make_run(state, "run-1", {"a": created}) as run:
        with closing(sqlite3.connect(run.path)) as db, db:
            db.execute("DELETE FROM call_time")
        text = Shown(run_page(run, summary_of(run), state)).text
    assert "No times are on record: the run was made by a version of bulkprof that counted calls only." in text
    assert "CreateInferenceProfile 18 14 3 1" in text


def test_a_run_without_calls(state: StateDirectory) -> None:
    unchanged = failed("", "", OutcomeKind.UNCHANGED)
    text = shown(state, {"a": unchanged}, times={}).text
    assert "No calls were made." in text
    assert "nothing to do, all in order" in text


def test_large_tables_hold_what_needs_attention_first(state: StateDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_ROWS", 5)
    same = failed("", "", OutcomeKind.UNCHANGED)
    page = shown(state, {"same": same, "made": created, "bad": failed("Code", "why"), "other": created})
    assert [row[1] for row in page.data["rows"]] == ["bad", "bad", "made", "other", "made"]
    assert "This page holds 5 of 8 profiles: first those that need attention" in page.text


def test_long_lists_are_counted(state: StateDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    for most in ("MOST_GROUPS", "MOST_LOST", "MOST_FILES"):
        monkeypatch.setattr(page_module, most, 1)
    rows = {f"n{number}": failed(f"Code{number}", "x" * 1000) for number in range(3)}
    with make_run(state, "run-1", rows, manifests=("a.csv", "b.csv", "c.csv")) as run:
        lost = tuple(LostProfile(EAST, name, "arn:old", "run-0") for name in ("gone", "lost"))
        text = Shown(run_page(run, replace(summary_of(run), lost=lost, invalid=7), state)).text
    assert "Manifests a.csv and 2 more" in text
    assert "and 2 more kinds of failures." in text
    assert "gone in 111122223333/us-east-1: run run-0 deleted arn:old and 1 more" in text
    assert "7 ✕ invalid rows left out" in text
    assert "x" * 600 + " …" in text
    assert "x" * 601 not in text


@pytest.mark.parametrize(
    ("noted", "told"),
    [
        ({"status": RunStatus.REFUSED, "error": "no role"}, ("✕ The run did not start", "Why: no role")),
        ({"status": RunStatus.RUNNING}, ("… 2 changed", "This run was killed, and is not finished.")),
        ({"status": RunStatus.INTERRUPTED, "stopped": "the deadline"}, ("Status interrupted", "Why: the deadline")),
    ],
)
def test_each_end_of_a_run_is_told(state: StateDirectory, noted: dict[str, Any], told: tuple[str, ...]) -> None:
    with make_run(state, "run-1", {"a": created}) as run:
        run.note(**noted)
        text = Shown(run_page(run, replace(summary_of(run), exit_code=1), state)).text
    for each in told:
        assert each in text


def test_report_writes_the_page(commands: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_faults([Fault("access_denied", operation="CreateInferenceProfile", name="two")])
    summary = commands.summary("apply", commands.manifest("one", "two"), code=3)
    ended = commands("report", summary["run_id"], "--html", "page.html", "--json")
    assert (ended.code, ended.err) == (0, "page: page.html\n")
    page = Shown((commands.folder / "page.html").read_text(encoding="utf-8"))
    assert "1 profile of 2 to look at, 1 changed" in page.text
    assert re.search(r"CreateInferenceProfile 1 accepted, 0 throttled, 1 failed", page.text)
    sandbox.set_faults([])
    again = commands.summary("apply", commands.manifest("one", "two"))
    assert commands("report", again["run_id"], "--html", "page.html").code == 0
    page = Shown((commands.folder / "page.html").read_text(encoding="utf-8"))
    assert f"Compared with run {summary['run_id']}" in page.text
    assert "0 new failures, 1 gone, 0 as before" in page.text


def test_pages_that_can_not_be_written(commands: CommandLine, sandbox: Sandbox) -> None:
    manifest = commands.manifest("one")
    run_id = commands.summary("apply", manifest)["run_id"]
    assert commands("plan", manifest, "--out", "plan.db").code == 0
    commands.write("page.html", "<p>")
    for arguments, said in (
        ((run_id, "--html", "page.txt"), "--html page.txt: must end in .html or .htm"),
        ((run_id, "--html", "no/page.html"), "--html no/page.html: there is no folder "),
        (("plan.db", "--html", "page.html"), "the plan was not carried out, and only runs have a page"),
    ):
        ended = commands("report", *arguments)
        assert (ended.code, said in ended.err) == (64, True), ended.err
    assert (commands.folder / "page.html").read_text() == "<p>"


def test_a_last_run_that_can_not_be_read_costs_only_the_comparison(commands: CommandLine, sandbox: Sandbox) -> None:
    first = commands.summary("apply", commands.manifest("one"))["run_id"]
    second = commands.summary("apply", commands.manifest("one", "two"))["run_id"]
    path = commands.folder / ".bulkprof" / "runs" / f"{first}.db"
    path.write_bytes(path.read_bytes()[:4096] + b"\0" * 4096)
    ended = commands("report", second, "--html", "page.html")
    assert ended.code == 0
    assert "what is new against the last run isn't known: " in ended.err
    assert "Since the last run" not in (commands.folder / "page.html").read_text(encoding="utf-8")
