"""What is told of a run on a terminal of 60 columns: no word is broken."""

from __future__ import annotations

import re
from pathlib import Path

from rich.console import Console

from bulkprof.engine.outcomes import closed_outcome
from bulkprof.model import OutcomeKind
from bulkprof.reports.run import show_run
from bulkprof.reports.text import show_summary
from bulkprof.totals import CallCount
from bulkprof.workflows.steps.summary import summary_of
from tests.factories import desire, make_run, plan_all

WIDTH = 60
ARN = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdefghijkl"


def test_no_word_is_broken(tmp_path: Path) -> None:
    console = Console(force_terminal=True, width=WIDTH, no_color=True, legacy_windows=False)
    with make_run(tmp_path / "run.db", command="apply", sandbox=True, started_at="2026-03-01T02:00:00+00:00") as run:
        desire(run, *(f"team-{number}-{'x' * 40}" for number in range(50)))
        run.end_intake()
        plan_all(run)
        made = [
            closed_outcome(action, OutcomeKind.CREATED, arn=ARN)
            for target in run.targets()
            for action in run.wanted(target)
        ]
        run.record(made, {"CreateInferenceProfile": CallCount(1234, 123, 0)})
        summary = summary_of(run)
        with console.capture() as told:
            show_summary(console, summary, ())
            show_run(console, summary, run, f"bulkprof report {summary.run_id} --results results.csv")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", told.get()).splitlines()
    # Only what is longer than a line by itself, or has to be copied whole, goes over its end.
    assert [line for line in lines if len(line) > WIDTH and ARN not in line and "bulkprof report" not in line] == []
    assert lines[-1] == "  throttled, 0.0 s"
