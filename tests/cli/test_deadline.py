"""Deadlines: what people write, the stop in time, and what becomes of the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bulkprof.errors import UsageError
from bulkprof.pacing.learned import LearnedRate
from bulkprof.pacing.rates import RateStore
from bulkprof.sandbox import Fault, Rate, Sandbox
from bulkprof.stop import Stop
from bulkprof.workflows.steps.deadline import LOOK_S, Deadline, DeadlineWatch
from tests.cli.driver import CommandLine, add_up, outcomes_of
from tests.cli.nights import ends_when
from tests.conftest import FAST

ZURICH = ZoneInfo("Europe/Zurich")
NOW = datetime(2026, 11, 23, 1, 0, tzinfo=ZURICH)
NAMES = [f"team-{number:03}" for number in range(40)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", "2026-11-23T03:00:00+01:00"),
        ("90m", "2026-11-23T02:30:00+01:00"),
        ("30s", "2026-11-23T01:00:30+01:00"),
        ("1h30m", "2026-11-23T02:30:00+01:00"),
        ("1.5h", "2026-11-23T02:30:00+01:00"),
        ("1d", "2026-11-24T01:00:00+01:00"),
        (" 2h ", "2026-11-23T03:00:00+01:00"),
        ("06:00", "2026-11-23T06:00:00+01:00"),
        ("6:00", "2026-11-23T06:00:00+01:00"),
        ("01:00", "2026-11-24T01:00:00+01:00"),
        ("00:30:15", "2026-11-24T00:30:15+01:00"),
        ("2026-11-23T06:00", "2026-11-23T06:00:00+01:00"),
        ("2026-11-23 06:00", "2026-11-23T06:00:00+01:00"),
        ("2026-11-23T06:00Z", "2026-11-23T07:00:00+01:00"),
    ],
)
def test_what_people_write(text: str, expected: str) -> None:
    assert Deadline.parse(text, NOW, ZURICH).at.isoformat() == expected


NONE = ["", "soon", "2", "h", "-2h", "0s", "25:00", "6:60", "2026-11-23", "2026-11-22T06:00", "2h later"]


@pytest.mark.parametrize("text", NONE)
def test_what_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="--deadline"):
        Deadline.parse(text, NOW, ZURICH)


def test_nights_in_which_clocks_change() -> None:
    before = datetime(2026, 10, 25, 1, 30, tzinfo=ZURICH)
    assert Deadline.parse("2h", before, ZURICH).at.isoformat() == "2026-10-25T02:30:00+01:00"
    assert Deadline.parse("06:00", before, ZURICH).at.isoformat() == "2026-10-25T06:00:00+01:00"


def test_it_stops_a_little_before() -> None:
    def margin(text: str) -> float:
        deadline = Deadline.parse(text, NOW, ZURICH)
        return (deadline.at - deadline.stop_at).total_seconds()

    assert margin("2h") == margin("06:00") == 5
    assert margin("10s") == 1


async def test_the_watch_looks_at_the_clock_again_and_again() -> None:
    """A machine that slept wakes up after its deadline, however long the watch meant to sleep."""
    now, stop = [NOW], Stop()
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += timedelta(hours=5) if len(slept) == 2 else timedelta(seconds=seconds)

    await DeadlineWatch(Deadline.parse("2h", NOW, UTC), stop, now=lambda: now[0], sleep=sleep).wait()
    assert slept == [LOOK_S, LOOK_S]
    assert (stop.requested, stop.exit_code, stop.by_signal) == (True, 3, False)


async def test_the_watch_ends_with_its_block() -> None:
    stop = Stop()
    with pytest.raises(KeyError):
        async with DeadlineWatch(Deadline.parse("2h", datetime.now(UTC)), stop):
            raise KeyError("as it is")
    assert not stop.requested


def test_a_night_that_is_too_short(commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    ends_when(monkeypatch, lambda: len(sandbox.ledger().live) >= 3)
    sandbox.set_rate(Rate(3, 3), operation="CreateInferenceProfile")
    names = NAMES[:12]
    manifest = commands.manifest(*names)
    ended = commands("sync", manifest, "--yes", "--json", "--deadline", "2h", "--results", "results.jsonl")
    assert ended.code == 3, ended.err
    told = ended.json()
    add_up(told, commands.results())
    made = told["outcomes"]["created"]
    assert 3 <= made < len(names)
    assert outcomes_of(told) == {"created": made, "skipped": len(names) - made}
    assert len(sandbox.ledger().live) == made
    assert f" is reached; {len(names) - made} profiles were not reached and count as skipped" in ended.err
    assert f"to go on: bulkprof resume {told['run_id']}" in ended.err
    assert commands("runs", "--json").json()["runs"][0]["status"] == "interrupted"
    # The next night needs no resume: it looks at what there is.
    sandbox.set_rate(FAST, operation="CreateInferenceProfile")
    assert outcomes_of(commands.summary("sync", manifest)) == {"created": len(names) - made, "unchanged": made}
    assert sorted(profile.name for profile in sandbox.ledger().profiles) == names


def test_resume_goes_on_and_may_have_a_deadline_too(
    commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.set_rate(Rate(3, 1), operation="CreateInferenceProfile")
    commands.manifest(*NAMES[:8])
    for arguments, until in ((("apply", "teams.csv"), 1), (("resume",), 3)):
        ends_when(monkeypatch, lambda until=until: len(sandbox.ledger().live) >= until)
        assert commands(*arguments, "--yes", "--deadline", "2h").code == 3
    ends_when(monkeypatch, lambda: False)
    sandbox.set_rate(FAST, operation="CreateInferenceProfile")
    assert outcomes_of(commands.summary("resume", "--deadline", "2h")) == {"created": 8}


def test_a_deadline_that_is_not_reached_changes_nothing(
    commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULKPROF_DEADLINE", "2h")
    ended = commands("apply", commands.manifest("team-a"), "--yes")
    assert ended.code == 0
    assert "deadline" not in ended.err


def test_before_anything_was_changed(commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    ends_when(monkeypatch, lambda: sandbox.ledger().count("GetCallerIdentity"))
    sandbox.set_faults([Fault("delay_before", operation="ListFoundationModels", delay_s=0.5, times=1)])
    ended = commands("sync", commands.manifest("team-a"), "--yes", "--json", "--deadline", "2h")
    assert (ended.code, ended.json()["exit_code"]) == (3, 3)
    assert "stopped before anything was changed: the deadline" in ended.err
    assert not sandbox.ledger().profiles
    assert commands.apply("teams.csv") == {"created": 1}


def test_wrong_ones_are_wrong_usage(commands: CommandLine, sandbox: Sandbox) -> None:
    ended = commands("apply", commands.manifest("team-a"), "--yes", "--deadline", "tomorrow")
    assert (ended.code, sandbox.ledger().count()) == (64, 0)
    assert "must be a duration such as 2h" in ended.err


def test_the_estimated_end_is_said_before(
    commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends_when(monkeypatch, lambda: sandbox.ledger().live)
    store = RateStore(Path(".bulkprof"))
    now = datetime.now(UTC).timestamp()
    store.save({("123456789012", "us-east-1", "CreateInferenceProfile"): LearnedRate(0.2, 1.0, now)})
    ended = commands("plan", commands.manifest(*NAMES))
    assert "at the learned rates this takes about 3 min, until about " in ended.err
    assert "deadline" not in ended.err
    late = commands("apply", "teams.csv", "--yes", "--deadline", "100s")
    assert "past the deadline, so that a part will stay open" in late.err
    assert late.code == 3


def test_fewer_targets_at_once(commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    regions = ["eu-west-1", "us-east-1", "us-west-2"]
    commands.manifest(*(f"{name},{'|'.join(regions)}" for name in NAMES[:8]), header="name,region")
    monkeypatch.setenv("BULKPROF_MAX_TARGETS_IN_FLIGHT", "1")
    assert commands.apply("teams.csv") == {"created": 24}
    made = sorted(sandbox.ledger().profiles, key=lambda profile: profile.created_at)
    assert [region for region, _ in groupby(made, key=lambda profile: profile.region)] == regions
    for wrong in ("0", "1001", "many"):
        assert commands("apply", "teams.csv", "--max-targets-in-flight", wrong).code == 64
