"""Past runs from Python: the list of runs, reports, and the files that they write."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import bulkprof
from bulkprof import ActionKind, OutcomeKind
from bulkprof.errors import UsageError
from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine


@pytest.fixture
def teams(commands: CommandLine, sandbox: Sandbox) -> Path:
    return commands.folder / commands.manifest("search", "ranking")


def apply(teams: Path) -> bulkprof.RunSummary:
    return asyncio.run(bulkprof.apply(teams, options(teams)))


def options(teams: Path, **more: Any) -> bulkprof.Options:
    config = bulkprof.load_config(teams.parent / "bulkprof.toml")
    return bulkprof.Options(config=config, state_dir=str(teams.parent / "state"), **more)


def test_runs_are_listed_newest_first_with_every_kind_of_outcome(teams: Path) -> None:
    assert bulkprof.runs(options(teams)) == []
    first, second = apply(teams), apply(teams)
    newest, oldest = bulkprof.runs(options(teams))
    assert (newest.run_id, oldest.run_id) == (second.run_id, first.run_id)
    assert (newest.status, newest.command, newest.sandbox, newest.error) == ("finished", "apply", False, "")
    assert newest.started_at <= newest.ended_at
    assert oldest.outcomes == {kind: 2 * (kind is OutcomeKind.CREATED) for kind in OutcomeKind}
    assert newest.outcomes == {kind: 2 * (kind is OutcomeKind.UNCHANGED) for kind in OutcomeKind}
    assert newest.path.is_file()


def test_a_run_that_cannot_be_read_is_listed_with_the_reason(teams: Path) -> None:
    run_id = apply(teams).run_id
    (broken,) = bulkprof.runs(options(teams))
    broken.path.write_bytes(b"nothing of a run")
    (listed,) = bulkprof.runs(options(teams))
    assert (listed.run_id, listed.status) == (run_id, "")
    assert "can't be" in listed.error or "is not" in listed.error
    assert listed.as_json()["status"] == listed.error
    assert set(listed.outcomes.values()) == {0}


def test_a_report_is_of_the_newest_run_or_of_the_named_one(teams: Path, commands: CommandLine) -> None:
    first, second = apply(teams), apply(teams)
    assert bulkprof.report(options=options(teams)).run.run_id == second.run_id
    found = bulkprof.report(first.run_id[:-2], options(teams))
    assert (found.run.run_id, found.summary.changed, found.is_plan) == (first.run_id, 2, False)
    assert [outcome.name for outcome in found.outcomes()] == ["search", "ranking"]
    assert list(found.changes()) == []
    # As the command line has it.
    told = commands("report", first.run_id, "--json", "--state-dir", "state")
    assert json.loads(told.out) == json.loads(json.dumps(found.as_json()))
    told = commands("report", str(found.run.path), "--markdown", "--state-dir", "state")
    assert told.out == found.markdown() + "\n"


def test_a_plan_has_changes_and_no_outcomes(teams: Path) -> None:
    kept = teams.parent / "plan.db"
    asyncio.run(bulkprof.plan(teams, options(teams), out=kept))
    found = bulkprof.report(kept, options(teams))
    assert (found.is_plan, found.run.status, list(found.outcomes())) == (True, "planned", [])
    assert [(action.kind, action.name) for action in found.changes()] == [
        (ActionKind.CREATE, "search"),
        (ActionKind.CREATE, "ranking"),
    ]
    assert found.markdown().endswith("**Planned, and not applied: nothing was changed.**")
    with pytest.raises(UsageError, match="it has no outcomes yet to write"):
        bulkprof.report(kept, options(teams, results=teams.parent / "results.csv"))
    with pytest.raises(UsageError, match="it has no outcomes yet"):
        bulkprof.outcomes(kept, options(teams))


def test_a_report_writes_the_files_that_are_asked_for(teams: Path) -> None:
    apply(teams)
    told: list[str] = []

    class Listening(bulkprof.Ui):
        def note(self, message: str) -> None:
            told.append(message)

    folder = teams.parent
    asked = options(teams, results=str(folder / "r.csv"), failed=folder / "f.csv")
    bulkprof.report(None, asked, Listening(), html=folder / "run.html")
    assert (folder / "r.csv").read_text().count("\n") == 3
    assert (folder / "run.html").read_text().startswith("<!DOCTYPE html>")
    assert told == [f"results: {folder}/r.csv", f"rows to mend: 0 in {folder}/f.csv", f"page: {folder}/run.html"]


def test_resume_and_redeliver_take_the_path_of_a_run(teams: Path) -> None:
    apply(teams)
    (run,) = bulkprof.runs(options(teams))
    with pytest.raises(UsageError, match="is finished: there is nothing to resume"):
        asyncio.run(bulkprof.resume(run.path, options(teams)))
    assert asyncio.run(bulkprof.redeliver(run.path, options(teams))).missing == []
