"""Runs to make pages of, with values that try to get out of the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bulkprof.engine.outcomes import closed_outcome
from bulkprof.model import Action, DesiredProfile, Outcome, OutcomeKind, Request, Target
from bulkprof.reports.html.page import run_page
from bulkprof.statuses import RunStatus
from bulkprof.store.details import RunDetails
from bulkprof.store.history.compare import since_last
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.run import RunFile
from bulkprof.totals import CallCount, Slices
from bulkprof.workflows.steps.summary import summary_of
from tests.factories import plan_all, take_in

EVIL = "</script><script>document.title='taken over'</script>"
IMAGE = "<img src=http://example.com/x.png onerror=document.title='taken-over'>"
TEMPLATE = "{{ 7 * 7 }}{% raw %}"
DENIED = (
    "User: arn:aws:sts::111122223333:assumed-role/Onboarding/bulkprof is not authorized to perform: "
    "bedrock:CreateInferenceProfile with an explicit deny in a service control policy"
)
EAST, WEST = Target("111122223333", "us-east-1"), Target("444455556666", "us-west-2")
TIMES: Slices = {
    "CreateInferenceProfile": {1_800_000_000: CallCount(9), 1_800_000_001: CallCount(9, 3, 1)},
    "ListInferenceProfiles": {1_800_000_000: CallCount(2)},
}
End = Callable[[Action], Outcome]


def make_run(
    state: StateDirectory,
    run_id: str,
    rows: dict[str, End],
    *,
    times: Slices = TIMES,
    **details: object,
) -> RunFile:
    """Return a run whose rows, by name, ended so in both targets; its file is in the state directory."""
    state.prepare()
    known = {"command": "sync", "estate": f"prod {EVIL}", "started_at": "2026-03-01T02:00:00+00:00"}
    run = RunFile.create(state.run_path(run_id), RunDetails(run_id, **{**known, **details}))  # type: ignore[arg-type]
    for target in (EAST, WEST):
        take_in(
            run,
            *(
                DesiredProfile(
                    Request("teams.csv", line), target, "lite", "lite", name, None, {"Team": f"Zürich {IMAGE}"}
                )
                for line, name in enumerate(rows, 2)
            ),
        )
    plan_all(run)
    for target in (EAST, WEST):
        run.record([rows[action.name](action) for action in run.wanted(target)])
    calls = {
        operation: CallCount(*(sum(getattr(c, n) for c in of.values()) for n in ("sent", "throttled", "failed")))
        for operation, of in times.items()
    }
    run.record([], calls, times)
    summary = replace(summary_of(run), exit_code=0)
    run.note(status=RunStatus.FINISHED, elapsed_s=75.4, ended_at="2026-03-01T02:01:20+00:00", summary=summary.as_json())
    return run


def created(action: Action) -> Outcome:
    """The row made a profile."""
    arn = f"arn:aws:bedrock:{action.target.region}:{action.target.account}:application-inference-profile/{action.id}"
    return closed_outcome(action, OutcomeKind.CREATED, arn=arn)


def failed(code: str, message: str, kind: OutcomeKind = OutcomeKind.FAILED) -> End:
    """The row ended so."""
    return lambda action: closed_outcome(action, kind, code, message)


def sample_rows() -> dict[str, End]:
    """Sixty rows that are in order, and some that aren't."""
    return {
        **{f"team-{number}": created for number in range(1, 61)},
        EVIL: failed("AccessDeniedException", DENIED),
        IMAGE: failed("AccessDeniedException", DENIED),
        TEMPLATE: failed(f"Code{IMAGE}", f"no {EVIL}\u202e\x1b[2J", OutcomeKind.UNKNOWN),
        "other's": failed("OtherEstate", "belongs to others", OutcomeKind.SKIPPED),
    }


def sample(folder: Path) -> str:
    """The page of a run that has all there is."""
    state = StateDirectory(folder)
    before = {**sample_rows(), EVIL: created, "team-1": failed("Gone", "was so")}
    started = "2026-02-28T02:00:00+00:00"
    make_run(state, "20260228T020000Z-a", before, started_at=started, sandbox=True).close()
    with make_run(state, "20260301T020000Z-b", sample_rows(), sandbox=True, manifests=(f"{EVIL}.csv",)) as run:
        return run_page(run, replace(summary_of(run), exit_code=3, since_last=since_last(state, run)), state)
