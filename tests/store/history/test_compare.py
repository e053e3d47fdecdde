"""What is new in a run against the last one of its estate, and how sinks hear of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bulkprof.errors import StateError
from bulkprof.model import Action, ActionKind, Outcome, OutcomeKind, Target
from bulkprof.sandbox import Fault, Rate, Sandbox
from bulkprof.statuses import RunStatus
from bulkprof.store.history.compare import SHOWN, since_last
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.history.status import told_its_end
from bulkprof.store.run import RunFile
from bulkprof.totals import SinceLast, every_kind
from bulkprof.ui import Ui
from tests.cli.driver import CommandLine
from tests.cli.nights import ends_when
from tests.conftest import FAST
from tests.factories import desire, make_run

HERE, THERE = Target("111122223333", "us-east-1"), Target("222233334444", "us-east-1")
CREATED, FAILED, SKIPPED, UNKNOWN = (
    OutcomeKind.CREATED, OutcomeKind.FAILED, OutcomeKind.SKIPPED, OutcomeKind.UNKNOWN,
)  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    directory = StateDirectory(tmp_path / "state")
    directory.prepare()
    return directory


def night(
    state: StateDirectory, number: int, ended: dict[str, OutcomeKind | None], target: Target = HERE, **meta: Any
) -> RunFile:
    """A run of that night, with what its rows ended as; None for one that wasn't reached."""
    run_id = f"2026010{number}T000000Z-aaaaaa"
    values = {"status": RunStatus.FINISHED, "sandbox": False, "started_at": f"2026-01-0{number}T00:00:00+00:00", **meta}
    run = make_run(state.run_path(run_id), id=run_id, **values)
    desire(run, *ended, target=target)
    run.record(
        Outcome(action.id, target, action.name, kind, error_code="Oops" if kind in {FAILED, UNKNOWN} else "")
        for action in run.wanted(target)
        if (kind := ended[action.name]) is not None
    )
    return run


def counts(since: SinceLast | None) -> tuple[int, int, int]:
    assert since is not None
    return since.new_failures, since.gone_failures, since.still_failing


def test_new_gone_and_as_before(state: StateDirectory) -> None:
    last = night(state, 1, {"a": CREATED, "b": FAILED, "c": FAILED, "d": UNKNOWN, "e": FAILED, "f": FAILED})
    now = night(state, 2, {"a": FAILED, "b": CREATED, "c": FAILED, "d": SKIPPED, "e": None, "new": FAILED})
    since = since_last(state, now)
    # Neither e, which this run didn't reach, nor f, which nobody asks for any more, is in order now.
    assert counts(since) == (2, 1, 2)
    assert since is not None
    assert [outcome.name for outcome in since.first_new] == ["a", "new"]
    assert since.first_new[0].target == HERE
    assert since.run_id == last.details().id
    assert since.outcomes == every_kind({CREATED: 1, FAILED: 4, UNKNOWN: 1})
    assert since.has_news


def test_the_same_name_elsewhere_is_another(state: StateDirectory) -> None:
    night(state, 1, {"a": FAILED}, THERE)
    assert counts(since_last(state, night(state, 2, {"a": FAILED}))) == (1, 0, 0)


def test_deletions_are_told_from_wishes(state: StateDirectory) -> None:
    def with_deletion(number: int, wish: OutcomeKind, deletion: OutcomeKind) -> RunFile:
        run = night(state, number, {"a": wish})
        run.save_plan([Action(0, HERE, ActionKind.DELETE, "a", arn="arn:old")])
        run.record([Outcome(run.deletions(HERE)[0].id, HERE, "a", deletion)])
        return run

    with_deletion(1, CREATED, FAILED)
    assert counts(since_last(state, with_deletion(2, FAILED, OutcomeKind.DELETED))) == (1, 1, 0)
    assert counts(since_last(state, with_deletion(3, FAILED, FAILED))) == (1, 0, 1)


def test_the_last_night_is_the_last_of_the_same_kind(state: StateDirectory) -> None:
    mine = night(state, 1, {"a": FAILED})
    night(state, 2, {"a": CREATED}, estate="another")
    night(state, 3, {"a": CREATED}, sandbox=True)
    night(state, 4, {"a": CREATED}, status=RunStatus.INTERRUPTED, summary={"exit_code": 130})
    night(state, 5, {"a": CREATED}, status=RunStatus.REFUSED)
    night(state, 6, {"a": OutcomeKind.UPDATED}, disown=("a",))
    now = night(state, 7, {"a": FAILED})
    night(state, 8, {"a": CREATED})
    since = since_last(state, now)
    assert counts(since) == (0, 0, 1)
    assert since is not None
    assert since.run_id == mine.details().id
    assert since_last(state, mine) is None


def test_a_night_that_its_deadline_ended_is_one(state: StateDirectory) -> None:
    cut = night(state, 1, {"a": FAILED, "b": None}, status=RunStatus.INTERRUPTED, summary={"exit_code": 3})
    assert told_its_end(cut)
    # Not reached is no failure: b is one now for the first time.
    assert counts(since_last(state, night(state, 2, {"a": CREATED, "b": FAILED}))) == (1, 1, 0)


def test_a_thousand_failures_are_counted_and_few_are_read(state: StateDirectory) -> None:
    names = [f"team-{number}" for number in range(1000)]
    night(state, 1, dict.fromkeys(names[:300], FAILED))
    since = since_last(state, night(state, 2, dict.fromkeys(names, FAILED)))
    assert counts(since) == (700, 0, 300)
    assert since is not None
    assert [each.name for each in since.first_new] == names[300 : 300 + SHOWN]


def test_a_damaged_file_is_said(state: StateDirectory) -> None:
    state.run_path("20260101T000000Z-aaaaaa").write_bytes(b"SQLite format 3\x00" + b"x" * 5000)
    now = night(state, 2, {"a": FAILED})
    with pytest.raises(StateError, match=r"20260101T000000Z-aaaaaa\.db: is damaged .*; move it away"):
        since_last(state, now)
    last = night(state, 1 + 2, {"a": FAILED}, started_at="2026-01-01T00:00:00+00:00")
    with closing(sqlite3.connect(last.path)) as db:
        db.execute("DROP TABLE outcome")
    with pytest.raises(StateError, match="no such table"):
        since_last(state, now)


SINK = """
from bulkprof.plugins import Sink, hookimpl


class Keeps(Sink):
    name = "keeps"

    async def finish(self, run):
        since = run.summary.since_last
        said = (run.summary.exit_code, run.summary.stopped[:12], since and (since.new_failures, since.gone_failures))
        with open("told.txt", "a") as file:
            file.write(f"{said}\\n")


@hookimpl
def bulkprof_sinks(run):
    return [Keeps()]
"""
ACTIVE = '\n[plugins.keeps]\npath = "keeps.py"\n'


def deny(sandbox: Sandbox, *names: str) -> None:
    sandbox.set_faults([Fault("access_denied", operation="CreateInferenceProfile", name=name) for name in names])


def test_sinks_hear_what_is_new(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.write("keeps.py", SINK)
    commands.config(ACTIVE)
    deny(sandbox, "team-a", "team-b")
    assert commands("sync", commands.manifest("team-a", "team-b", "team-c"), "--yes").code == 3
    deny(sandbox, "team-a", "team-d")
    ended = commands("sync", commands.manifest("team-a", "team-b", "team-c", "team-d"), "--yes")
    assert ended.code == 3
    assert (commands.folder / "told.txt").read_text().splitlines() == ["(3, '', None)", "(3, '', (1, 1))"]
    assert ": 1 new, 1 gone, 1 as before" in ended.out


def test_sinks_hear_of_a_deadline_and_again_of_the_end(
    commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends_when(monkeypatch, lambda: sandbox.ledger().live)
    commands.write("keeps.py", SINK)
    commands.config(ACTIVE)
    sandbox.set_rate(Rate(3, 1), operation="CreateInferenceProfile")
    names = [f"team-{number}" for number in range(10)]
    assert commands("sync", commands.manifest(*names), "--yes", "--deadline", "2h").code == 3
    sandbox.set_rate(FAST, operation="CreateInferenceProfile")
    assert commands("resume", "--yes").code == 0
    assert (commands.folder / "told.txt").read_text().splitlines() == ["(3, 'the deadline', None)", "(0, '', None)"]


def test_a_program_gets_it_with_the_summary() -> None:
    """What the Ui offers is optional: one that overrides nothing works."""
    Ui().target_done(HERE, {CREATED: 1}, 1.0)
    Ui().started("run-1")
    heard: list[str] = []

    class Heard(Ui):
        def warn(self, message: str) -> None:
            heard.append(message)

    Heard().warn_of(HERE, "too many")
    assert heard == ["too many"]
