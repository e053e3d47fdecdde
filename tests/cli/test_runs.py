"""`runs` in terminals of any width: no word is broken."""

from __future__ import annotations

import pytest

from bulkprof.engine.outcomes import closed_outcome
from bulkprof.model import OutcomeKind
from bulkprof.statuses import RunStatus
from bulkprof.store.history.directory import StateDirectory
from tests.cli.driver import CommandLine
from tests.factories import TARGET, desire, make_run, plan_all

RUN_ID = "20261128T121810Z-23a16862d"
WORDS = f"{RUN_ID} apply (sandbox) 2026-11-28 12:18 interrupted 12 skipped"


@pytest.mark.parametrize("width", [120, 80, 60, 40])
def test_no_word_is_broken(commands: CommandLine, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    state = StateDirectory(commands.folder / ".bulkprof")
    state.prepare()
    told = {"id": RUN_ID, "command": "apply", "started_at": "2026-11-28T12:18:10+00:00", "sandbox": True}
    with make_run(state.run_path(RUN_ID), status=RunStatus.INTERRUPTED, estate="tests", **told) as run:
        desire(run, *(f"name-{number}" for number in range(12)))
        run.end_intake()
        plan_all(run)
        run.record([closed_outcome(each, OutcomeKind.SKIPPED) for each in run.wanted(TARGET)])
    shown = commands("runs").out
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= width
    assert set(WORDS.split()) <= set(shown.replace(",", " ").split())
    assert "12 skipped" in shown


def test_a_count_stays_beside_what_it_counts(commands: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    state = StateDirectory(commands.folder / ".bulkprof")
    state.prepare()
    told = {"id": RUN_ID, "command": "apply", "started_at": "2026-11-28T12:18:10+00:00", "sandbox": True}
    kinds = [OutcomeKind.UNCHANGED, OutcomeKind.FAILED, OutcomeKind.SKIPPED]
    with make_run(state.run_path(RUN_ID), status=RunStatus.FINISHED, estate="tests", **told) as run:
        desire(run, *(f"name-{number}" for number in range(30)))
        run.end_intake()
        plan_all(run)
        run.record([closed_outcome(each, kinds[at % 3]) for at, each in enumerate(run.wanted(TARGET))])
    shown = commands("runs").out
    assert "\n" in shown.strip()
    assert all(f"10 {kind}" in shown for kind in kinds), shown
