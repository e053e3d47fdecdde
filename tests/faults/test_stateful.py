"""Any order of apply, kill, resume, edits of the manifest and changes by others: some things hold at each step."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import bulkprof
from bulkprof.engine import engine
from bulkprof.sandbox import Fault, Hypotheses, LedgerProfile
from bulkprof.store.history import recent
from bulkprof.totals import RunSummary
from tests.faults.world import SEED, World, adds_up, check_run_files, ours, outcomes, side_by_side, under_way, until

LAG_S = 0.1
NOVA = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
NAMES = ("alpha", "beta", "gamma", "delta")
TEAMS = ("red", "blue")
CREATE, DELETE, TAG = "CreateInferenceProfile", "DeleteInferenceProfile", "TagResource"
KINDS = ("cut_before", "cut_after", "truncate_empty", "truncate_short", "error_after", "unavailable", "conflict")

names = st.sampled_from(NAMES)
teams = st.sampled_from(TEAMS)
hypotheses = st.builds(
    Hypotheses,
    unique_names=st.booleans(),
    token_memory_s=st.sampled_from((None, 0.0)),
    token_mismatch=st.sampled_from(("ignore", "refuse")),
    token_survives_delete=st.booleans(),
    list_lag_s=st.sampled_from((0.0, LAG_S)),
    get_lag_s=st.sampled_from((0.0, LAG_S)),
)


class Estate(RuleBasedStateMachine):
    """One estate in one sandbox, with a user, a killer and other people."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="bulkprof-estate-"))
        self.stack.callback(shutil.rmtree, self.folder)
        self.stack.enter_context(side_by_side(first_wait_s=0.02))
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        for module in (engine, recent):
            patch.setattr(module, "HEARTBEAT_S", 0.1)
        self.wanted: dict[str, str] = {}
        self.foreign: set[str] = set()
        """ARNs that other people made, and that were not adopted since."""
        self.deleted: set[str] = set()
        """ARNs that other people deleted."""
        self.log: list[str] = []

    @initialize(how=hypotheses, first=st.dictionaries(names, teams, min_size=2))
    def begin(self, how: Hypotheses, first: dict[str, str]) -> None:
        """Start with a manifest and nothing applied."""
        run = {"settle_s": 0.3}
        self.world = self.stack.enter_context(World(self.folder, {"run": run, "prune": {"count": 100}}, how))
        self.wanted = dict(first)

    # The user

    @rule(name=names, team=teams)
    def add_or_retag(self, name: str, team: str) -> None:
        """Edit the manifest: a row more, or another tag."""
        self.wanted[name] = team

    @precondition(lambda self: len(self.wanted) > 1)
    @rule(name=names)
    def drop(self, name: str) -> None:
        """Edit the manifest: a row less."""
        if len(self.wanted) > 1:
            self.wanted.pop(name, None)

    @rule(kinds=st.lists(st.sampled_from(KINDS), max_size=2, unique=True))
    def apply(self, kinds: list[str]) -> None:
        """Apply, maybe under faults."""
        self.world.sandbox.set_faults(
            Fault(kind, CREATE if kind == "conflict" else None, share=0.2, times=4) for kind in kinds
        )
        self.settled(self.do(self.world.apply(self.manifest())), dict(self.wanted))
        self.world.sandbox.set_faults([])

    @rule()
    def sync(self) -> None:
        """Make the estate equal to the manifest, deletions too."""
        self.settled(self.do(self.world.run(bulkprof.sync, (self.manifest(),), prune=True)), dict(self.wanted))
        stray = [profile.name for profile in self.live() if ours(profile) and profile.name not in self.wanted]
        # What was made so lately that no list shows it can't be found to be deleted.
        assert not stray or self.world.hypotheses.list_lag_s, stray

    @rule(calls=st.integers(1, 14), prune=st.booleans())
    def killed(self, calls: int, prune: bool) -> None:
        """A run that dies after so many calls."""
        seen = self.world.sandbox.ledger().count()

        async def until_killed() -> None:
            run = self.world.run(bulkprof.sync, (self.manifest(),), prune=prune)
            async with under_way(run) as task:
                await until(lambda: task.done() or self.world.sandbox.ledger().count() >= seen + calls)

        self.do(until_killed())

    @precondition(lambda self: self.unfinished())
    @rule()
    def resume(self) -> None:
        """Go on with the newest run that died."""
        summary = self.do(self.world.run(bulkprof.resume, None))
        adds_up(summary, self.world.results())
        # What changed since it was planned is refused, never overdone.
        assert summary.exit_code in (0, 3), outcomes(summary)

    # Other people

    @rule(name=names)
    def others_delete(self, name: str) -> None:
        """A profile goes."""
        for profile in self.live():
            if profile.name == name:
                self.deleted.add(profile.arn)
                self.do(self.world.call(DELETE, profile.arn))
        self.lists_catch_up()

    @rule(name=names, team=teams)
    def others_retag(self, name: str, team: str) -> None:
        """A profile gets other tags."""
        for profile in self.live():
            if profile.name == name:
                self.do(self.world.call(TAG, profile.arn, tags={"team": team, "theirs": "1"}))

    @rule(name=names)
    def others_create(self, name: str) -> None:
        """A profile that isn't ours."""
        if any(profile.name == name for profile in self.live()):
            return
        before = {profile.arn for profile in self.live()}
        values = {"name": name, "source_arn": NOVA, "description": None, "tags": {"theirs": "1"}}
        self.do(
            self.world.call(CREATE, f"arn:aws:bedrock:us-east-1:{self.account}:", **values, token=f"x{len(self.log)}")
        )
        self.foreign |= {profile.arn for profile in self.live()} - before
        self.lists_catch_up()

    # What must hold

    @invariant()
    def never_twice(self) -> None:
        """At no time were there two profiles of ours with one name."""
        if not hasattr(self, "world"):
            return
        made = [profile for profile in self.world.sandbox.ledger().profiles if profile.arn not in self.foreign]
        for profile in made:
            end = profile.deleted_at or float("inf")
            beside = [each.name for each in made if profile.created_at < each.created_at < end]
            assert profile.name not in beside, f"seed {SEED}: two of {profile.name}: {self.log}"

    @invariant()
    def nothing_foreign_is_deleted(self) -> None:
        """Whatever isn't ours, stays."""
        if hasattr(self, "world"):
            for profile in self.world.sandbox.ledger().profiles:
                gone = profile.deleted_at is not None and profile.arn not in self.deleted
                assert not gone or ours(profile), f"seed {SEED}: {profile.arn} was deleted: {self.log}"

    def settled(self, summary: RunSummary, wanted: dict[str, str]) -> None:
        """Check that each row of a run that ended well is there once, with its tags."""
        adds_up(summary, self.world.results())
        assert summary.exit_code == 0, (outcomes(summary), self.world.results(), self.log)
        there = [profile for profile in self.live() if ours(profile)]
        counted = Counter(profile.name for profile in there)
        assert {name: counted[name] for name in wanted} == dict.fromkeys(wanted, 1), (counted, wanted, self.log)
        assert {profile.name: profile.tags["team"] for profile in there if profile.name in wanted} == wanted

    def teardown(self) -> None:
        """Everything still opens and adds up."""
        if hasattr(self, "world"):
            check_run_files(self.world.state)
        self.stack.close()

    # Helpers

    @property
    def account(self) -> str:
        return self.world.sandbox.settings.default_account

    def do(self, work: Awaitable[Any]) -> Any:
        async def main() -> Any:
            return await work

        self.log.append(getattr(work, "__qualname__", "step"))
        return asyncio.run(main())

    def live(self) -> list[LedgerProfile]:
        return list(self.world.sandbox.ledger().live)

    def manifest(self) -> str:
        return self.world.manifest({"name": name, "tags": {"team": team}} for name, team in self.wanted.items())

    def lists_catch_up(self) -> None:
        """No run can know of a change by others before AWS shows it."""
        self.do(asyncio.sleep(max(self.world.hypotheses.list_lag_s, self.world.hypotheses.get_lag_s)))

    def unfinished(self) -> bool:
        return any(self.world.unfinished())


def test_any_order() -> None:
    machine = seed(SEED)(Estate)
    rules = settings(
        max_examples=int(os.environ.get("BULKPROF_FAULT_EXAMPLES", "6")),
        stateful_step_count=9,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=rules)
