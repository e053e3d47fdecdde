"""What must hold of every run, whatever goes wrong: nothing is made twice, and every row is accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bulkprof
from bulkprof.config import Config, Settings
from bulkprof.engine import create as creation
from bulkprof.engine import outcomes
from bulkprof.model import OutcomeKind
from bulkprof.pacing import pacer
from bulkprof.sandbox import Fault, Hypotheses, Rate, Sandbox, SandboxSettings
from bulkprof.totals import RunSummary
from bulkprof.workflows.options import Options

SEVERAL = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ACCOUNTS = ["", "111111111111", "222222222222"]
REGIONS = ["us-east-1", "eu-west-1"]
KINDS = ["cut_before", "cut_after", "throttle", "error_before", "error_after", "unavailable", "access_denied"]
KINDS += ["conflict", "truncate_empty", "truncate_half", "truncate_short"]
PERFECT = {OutcomeKind.CREATED, OutcomeKind.UNCHANGED, OutcomeKind.UPDATED}

names = st.lists(
    st.from_regex(r"[a-z]{1,3}([ _-][0-9a-z]{1,2}){0,2}", fullmatch=True), min_size=1, max_size=3, unique=True
)
places = st.lists(st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from(REGIONS)), min_size=1, max_size=2, unique=True)
tags = st.dictionaries(st.sampled_from(["Team", "Unit"]), st.sampled_from(["a", "b c"]), max_size=2)
hypotheses = st.builds(
    Hypotheses,
    unique_names=st.booleans(),
    token_memory_s=st.sampled_from([None, 0.0]),
    token_mismatch=st.sampled_from(["ignore", "refuse"]),
    transient_conflicts=st.sampled_from([0.0, 0.5]),
)
faults = st.lists(
    st.builds(
        Fault,
        kind=st.sampled_from(KINDS),
        operation=st.sampled_from(["CreateInferenceProfile", "TagResource"]),
        account=st.sampled_from([None, "123456789012", "111111111111"]),
        share=st.sampled_from([0.3, 0.7]),
        times=st.sampled_from([1, 4]),
    ),
    max_size=3,
)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of calls against a sandbox on this machine: no politeness, and no waiting for it to recover."""
    monkeypatch.setattr(outcomes, "FLUSH_S", 0.001)
    monkeypatch.setattr(pacer, "START_PACE", 1000.0)
    monkeypatch.setattr(creation, "backoff", lambda attempt: 0.001)


@contextmanager
def fresh(hypotheses: Hypotheses | None = None, seed: int = 0) -> Iterator[tuple[Sandbox, Path]]:
    rate = Rate(100_000, 100_000)
    chosen = SandboxSettings(rate=rate, seed=seed, hypotheses=hypotheses or Hypotheses())
    with TemporaryDirectory() as folder, Sandbox(chosen) as sandbox, pytest.MonkeyPatch.context() as patch:
        for name, value in sandbox.environment().items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        yield sandbox, Path(folder)


def manifest(folder: Path, names: list[str], places: list[tuple[str, str]], tags: dict[str, str]) -> str:
    header = ["name", "account", "region", *(f"tag:{key}" for key in tags)]
    rows = [[name, account, region, *tags.values()] for name in names for account, region in places]
    path = folder / "teams.csv"
    path.write_text("\n".join(",".join(row) for row in [header, *rows]) + "\n")
    return str(path)


def options(folder: Path) -> Options:
    given = {
        "defaults": {"model": "amazon.nova-lite-v1:0"},
        "organization": {"role": "Onboarding"},
        "run": {"settle_s": 0, "attempts": 3},
    }
    return Options(config=Config(settings=Settings.model_validate(given)), state_dir=folder / "state")


def add_up(summary: RunSummary) -> None:
    assert sum(summary.outcomes.values()) == summary.desired
    assert (summary.exit_code == 0) == ({kind for kind, count in summary.outcomes.items() if count} <= PERFECT)


@SEVERAL
@given(names=names, places=places, before=tags, tags=tags, hypotheses=hypotheses)
def test_a_plan_after_an_apply_is_empty(
    names: list[str],
    places: list[tuple[str, str]],
    before: dict[str, str],
    tags: dict[str, str],
    hypotheses: Hypotheses,
) -> None:
    async def main(folder: Path) -> tuple[RunSummary, bool]:
        await bulkprof.apply([manifest(folder, names[:1], places, before)], options(folder))
        path = manifest(folder, names, places, tags)
        summary = await bulkprof.apply([path], options(folder))
        return summary, (await bulkprof.plan(path, options(folder))).has_changes

    with fresh(hypotheses) as (sandbox, folder):
        summary, changes = anyio.run(main, folder)
        assert summary.exit_code == 0
        assert not changes
        assert len(sandbox.ledger().profiles) == len(names) * len(places) == summary.desired
        add_up(summary)


@SEVERAL
@given(names=names, places=places, faults=faults, hypotheses=hypotheses, seed=st.integers(0, 1000))
def test_outcomes_add_up_whatever_fails(
    names: list[str], places: list[tuple[str, str]], faults: list[Fault], hypotheses: Hypotheses, seed: int
) -> None:
    async def main(folder: Path, sandbox: Sandbox) -> tuple[RunSummary, RunSummary]:
        path = manifest(folder, names, places, {})
        sandbox.set_faults(faults)
        first = await bulkprof.apply([path], options(folder))
        sandbox.set_faults([])
        return first, await bulkprof.apply([path], options(folder))

    with fresh(hypotheses, seed) as (sandbox, folder):
        first, second = anyio.run(main, folder, sandbox)
        add_up(first)
        add_up(second)
        assert first.desired == second.desired == len(names) * len(places)
        assert second.exit_code == 0
        assert sandbox.ledger().duplicates() == []
        assert len(sandbox.ledger().live) == first.desired
