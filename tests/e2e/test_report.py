"""`report` for people: the newest run, what it changed, and what needs attention."""

from __future__ import annotations

import re

import pytest

from bulkprof.reports import run as run_report
from bulkprof.sandbox import Fault, Sandbox
from tests.cli.driver import CommandLine


def test_without_a_name_it_is_the_newest_run(commands: CommandLine, sandbox: Sandbox) -> None:
    none = commands("report")
    assert (none.code, none.err) == (
        64,
        "error: no runs in .bulkprof/runs; apply and sync leave one, and --state-dir says where to look\n",
    )
    commands.apply(commands.manifest("a"))
    newest = commands.summary("apply", commands.manifest("a", "b"))["run_id"]
    for flags in ((), ("--markdown",)):
        assert newest in commands("report", *flags).out
    assert commands("report", "--json").json()["run_id"] == newest


def test_what_changed_is_listed_with_place_and_arn(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config('\n[models]\npro = "amazon.nova-pro-v1:0"\n')
    commands.apply(commands.manifest("same", "moved"))
    (old,) = (profile.arn for profile in sandbox.ledger().live if profile.name == "moved")
    commands.manifest("same,", "moved,pro", "new,", header="name,model")
    assert commands("sync", "teams.csv", "--replace", "--yes").code == 0
    arns = {profile.name: profile.arn for profile in sandbox.ledger().live}
    lines = commands("report").out.splitlines()
    assert re.fullmatch(r"sync, estate tests, started \d{4}-\d\d-\d\d \d\d:\d\d UTC", lines[0])
    at = lines.index("Changed:")
    assert set(lines[at + 1 : at + 3]) == {
        f"  created  123456789012/us-east-1 new  {arns['new']}",
        f"  replaced  123456789012/us-east-1 moved  {arns['moved']}, before: {old}",
    }
    assert "Needs attention:" not in lines
    told = commands("report", "--json").json()
    assert (told["estate"], told["sandbox"], told["started_at"][:2]) == ("tests", False, "20")
    assert "\nEstate tests, started 20" in commands("report", "--markdown").out


def test_the_sandbox_is_named(commands: CommandLine) -> None:
    assert commands("apply", commands.manifest("a"), "--yes", "--sandbox").code == 0
    assert commands("report").out.startswith("apply, estate tests, in the sandbox, started 20")
    assert commands("report", "--json").json()["sandbox"] is True


def test_failures_that_are_alike_are_one_line(commands: CommandLine, sandbox: Sandbox) -> None:
    names = [f"denied-{number}" for number in range(4)]
    sandbox.set_faults([Fault("access_denied", operation="CreateInferenceProfile", name=name) for name in names])
    assert commands("apply", commands.manifest(*names, "fine"), "--yes").code == 3
    lines = commands("report").out.splitlines()
    (run,) = commands("runs", "--json").json()["runs"]
    at = lines.index("Needs attention:")
    assert lines[at + 1].startswith("4 profiles in 123456789012/us-east-1: failed: AccessDeniedException")
    assert [line for line in lines if "denied-" in line] == [lines[at + 1]]
    assert f"each row by itself: bulkprof report {run['run_id']} --results results.csv" in lines


def test_a_refused_row_names_the_profile_that_is_there(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.apply(commands.manifest("a,one", header="name,description"))
    (profile,) = sandbox.ledger().live
    assert commands("apply", commands.manifest("a,two", header="name,description"), "--yes").code == 3
    (line,) = [line for line in commands("report").out.splitlines() if "ReplacementNeeded" in line]
    assert profile.arn in line


def test_long_lists_are_cut(commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_report, "SHOWN", 2)
    run_id = commands.summary("apply", commands.manifest(*"abcde"))["run_id"]
    text = commands("report").out
    assert text.count("  created  ") == 2
    assert f"  … and 3 more; all: bulkprof report {run_id} --results results.csv\n" in text


@pytest.mark.parametrize("width", [60, 80])
def test_runs_fit_a_terminal_and_break_no_word(
    commands: CommandLine, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    assert commands("apply", commands.manifest("a"), "--yes", "--sandbox").code == 0
    assert commands("sync", commands.manifest("b"), "--yes", "--sandbox", "--prune").code == 0
    monkeypatch.setenv("COLUMNS", str(width))
    text = commands("runs").out
    assert max(map(len, text.splitlines())) <= width
    assert ("started" in text) is (width == 80)
    for word in ("sync", "(sandbox)" if width == 80 else "(sandbox),", "created,", "deleted"):
        assert word in text.split()
    rows = commands("runs", "--json").json()["runs"]
    assert [(row["estate"], row["sandbox"]) for row in rows] == [("tests", True)] * 2
