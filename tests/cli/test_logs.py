"""Lines on standard error: for people, or one JSON object each."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from bulkprof.cli.logs import Level, log_line
from bulkprof.model import ActionKind, Outcome, OutcomeKind, Target
from bulkprof.reports.progress import LINE_EVERY_S, LOOK_SHARE, ProgressView, Remaining, TargetDone
from bulkprof.sandbox import Fault, Sandbox
from tests.cli.driver import CommandLine, Ended

CALLER = "123456789012"
REGIONS = ("us-east-1", "us-west-2")
A, B = Target(CALLER, "us-east-1"), Target(CALLER, "us-west-2")


def lines(ended: Ended) -> list[dict[str, Any]]:
    """Every line of standard error; fails where one isn't an object with the fields that all have."""
    found = [json.loads(line) for line in ended.err.splitlines()]
    for line in found:
        assert list(line)[:4] == ["time", "level", "message", "run_id"], line
        assert datetime.fromisoformat(line["time"]).tzinfo == UTC
        assert line["level"] in {"info", "warning", "error"}
    return found


def of_targets(found: list[dict[str, Any]]) -> list[tuple[str, str, dict[str, int]]]:
    return sorted((line["account"], line["region"], line["outcomes"]) for line in found if "seconds" in line)


def test_a_run_in_json(commands: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_faults([Fault("access_denied", operation="CreateInferenceProfile", name="team-b")])
    commands.manifest(f"team-a,{'|'.join(REGIONS)}", "team-b,us-east-1", header="name,region")
    ended = commands("apply", "teams.csv", "--yes", "--json", "--log-format", "json")
    run_id = ended.json()["run_id"]
    found = lines(ended)
    assert {line["run_id"] for line in found} == {run_id}
    assert of_targets(found) == [
        (CALLER, "us-east-1", {"created": 1, "failed": 1}),
        (CALLER, "us-west-2", {"created": 1}),
    ]
    assert any(line["message"].startswith("Plan: + 3 to create") for line in found)
    assert any(line["level"] == "error" and "team-b: failed" in line["message"] for line in found)
    (end,) = [line for line in found if "exit_code" in line]
    assert (end["exit_code"], end["outcomes"]) == (3, {"created": 2, "failed": 1})


def test_a_quiet_night_in_json_has_a_line_for_each_target(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest(f"team-a,{'|'.join(REGIONS)}", header="name,region")
    commands("apply", "teams.csv", "--yes")
    ended = commands("sync", "teams.csv", "--yes", "--log-format", "json")
    assert of_targets(lines(ended)) == [(CALLER, region, {"unchanged": 1}) for region in REGIONS]
    # Tables still go to stdout, which is for people unless it is asked to be JSON.
    assert "Nothing to do" in ended.out


def test_text_lines_are_for_targets_with_news(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest("team-a,us-east-1", header="name,region")
    first = commands("apply", "teams.csv", "--yes").err
    commands.manifest(f"team-a,{'|'.join(REGIONS)}", header="name,region")
    second = commands("apply", "teams.csv", "--yes").err
    assert first.count(f"{A}: 1 created in ") == 1
    assert second.count(f"{B}: 1 created in ") == 1
    assert str(A) not in second


@pytest.mark.parametrize(
    "case",
    [
        ("validate bad.csv", 65, "error", "1 problem in 1 row"),
        ("plan absent.csv", 65, "error", "absent.csv"),
        ("apply teams.csv", 64, "error", "add --yes"),
        ("apply --frobnicate", 64, "error", "No such option"),
        ("resume 2026", 64, "error", "no run '2026'"),
        ("report 2026", 64, "error", "no run '2026'"),
        ("runs redeliver 2026", 64, "error", "no run '2026'"),
        ("plugins --config absent.toml", 1, "error", "absent.toml: no such file"),
        ("export --regions us-east-1a", 64, "error", "availability zone"),
        ("init new", 0, "info", "wrote new"),
        ("iam-policy --for hub", 0, "info", ""),
        ("runs", 0, "info", "no runs in"),
    ],
)
@pytest.mark.parametrize("how", ["flag", "variable"])
def test_every_command(
    commands: CommandLine,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    case: tuple[str, int, str, str],
) -> None:
    arguments, code, level, said = case
    commands.manifest("team-a")
    commands.manifest("team.a", file="bad.csv")
    given = arguments.split()
    if how == "flag":
        ended = commands(*given, "--log-format", "json")
    else:
        monkeypatch.setenv("BULKPROF_LOG_FORMAT", "json")
        ended = commands(*given)
    assert ended.code == code, ended.err
    found = lines(ended)
    assert not said or any(line["level"] == level and said in line["message"] for line in found), found


def test_where_a_problem_is(commands: CommandLine) -> None:
    found = lines(commands("validate", commands.manifest("team.a"), "--log-format=json"))
    (problem,) = [line for line in found if "file" in line]
    assert (problem["file"], problem["line"], problem["level"]) == ("teams.csv", 2, "error")


def test_an_unknown_format_is_wrong_usage(commands: CommandLine) -> None:
    ended = commands("runs", "--log-format", "xml")
    assert ended.code == 64
    assert "'xml' is not one of" in ended.err


def test_a_line_stays_a_line() -> None:
    now = datetime(2026, 11, 23, 1, 2, 3, 456789, tzinfo=UTC)
    line = log_line(Level.WARNING, "Łódź:\n  two \x1b[31m", "run-1", now, account=CALLER)
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-11-23T01:02:03.456Z",
        "level": "warning",
        "message": "Łódź:\n  two \x1b[31m",
        "run_id": "run-1",
        "account": CALLER,
    }


def test_what_is_left_counts_down() -> None:
    now = [100.0]
    left = Remaining(
        {A: {ActionKind.CREATE: 2, ActionKind.NONE: 1}, B: {ActionKind.CREATE: 4}},
        lambda target, operation: 2.0 if operation == "CreateInferenceProfile" else None,
        8,
        clock=lambda: now[0],
    )
    left.begins(A)
    assert left.seconds() == 2
    assert left.take(Outcome(1, A, "a", OutcomeKind.UNCHANGED)) is None
    assert left.take(Outcome(2, A, "b", OutcomeKind.FAILED)) is None
    now[0] = 103.0
    done = left.take(Outcome(3, A, "c", OutcomeKind.CREATED))
    counts = {OutcomeKind.UNCHANGED: 1, OutcomeKind.FAILED: 1, OutcomeKind.CREATED: 1}
    assert done == TargetDone(A, counts, 3.0)
    assert left.take(Outcome(4, B, "a", OutcomeKind.CREATED)) is None
    assert left.seconds() == 1.5


def test_progress_lines_say_how_long_the_rest_takes() -> None:
    now, said = [0.0], list[str]()
    known: list[float | None] = [None]
    with ProgressView(None, "profiles", 100, say=said.append, left=lambda: known[0], clock=lambda: now[0]) as view:
        now[0] = LINE_EVERY_S
        view.step(10)
        known[0] = 600.0
        now[0] += LINE_EVERY_S
        view.outcome(Outcome(1, A, "a", OutcomeKind.FAILED))
        view.step()
    assert said == ["profiles: 10 of 100, about 2 min left", "profiles: 11 of 100, 1 failed, about 10 min left"]


def test_looks_at_the_rest_that_take_long_are_rare() -> None:
    now, looks, said = [0.0], 0, list[str]()

    def left() -> float:
        nonlocal looks
        looks += 1
        now[0] += 1.0
        return 600.0

    with ProgressView(None, "profiles", 100, say=said.append, left=left, clock=lambda: now[0]) as view:
        for _ in range(100):
            now[0] += LINE_EVERY_S
            view.step()
    assert len(said) == looks
    assert looks == pytest.approx(now[0] / LOOK_SHARE, abs=2)


def test_a_bar_says_it_too() -> None:
    console = Console(force_terminal=True, width=120, legacy_windows=False)
    with console.capture() as told, ProgressView(console, "profiles", 3, say=print, left=lambda: 120.0) as view:
        view.step()
    assert "about 2 min left" in told.get()
    with console.capture() as told, ProgressView(console, "profiles", 3, say=print, left=lambda: 120.0) as view:
        view.step(3)
    done, shown, after = told.get().rpartition("3/3")
    assert (bool(done), shown, "left" in after) == (True, "3/3", False)
