"""Starts the real command, kills it with `kill -9` at a moment that chance picks, and starts it again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bulkprof
from bulkprof.config import load
from bulkprof.sandbox import Hypotheses, Rate, Sandbox, SandboxSettings
from bulkprof.statuses import RunStatus
from bulkprof.store.run import RunFile
from bulkprof.totals import RunSummary
from bulkprof.workflows.options import Options
from bulkprof.workflows.steps.summary import summary_of
from tests.cli import warm
from tests.faults.world import REGION, SEED, exactly_once, talk_to

PATIENCE_S = 60.0
SETTLE_S = 1.0
LAG_S = 0.3
"""List lag of the worlds that have one."""
SLOWLY = Rate(40, 10)
"""Slow enough to be killed in the middle."""
FLAGS = ("--yes", "--json", "--results", "results.jsonl")
ACCOUNTS = ("111111111111", "222222222222", "333333333333")


def with_flags(command: tuple[str, ...]) -> tuple[str, ...]:
    """A command line with the flags of these tests; `merge` asks nothing."""
    return (*command, *(flag for flag in FLAGS if flag != "--yes" or command[0] != "merge"))


@dataclass
class Victim:
    """A manifest, the sandbox that it is applied in, and the processes that die over it."""

    folder: Path
    hypotheses: Hypotheses
    seed: int
    rows: int = 36
    rate: Rate = SLOWLY
    kills: int = 0
    more: Mapping[str, str] = field(default_factory=dict)
    """Further variables of its processes."""
    config: str = ""
    """Further tables of its config."""
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(f"{SEED} {self.seed}")
        settings = SandboxSettings(hypotheses=self.hypotheses, rate=self.rate, latency_s=0.03, seed=SEED)
        self.sandbox = Sandbox(settings)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.wanted = {(ACCOUNTS[number % len(ACCOUNTS)], f"row-{number}") for number in range(self.rows)}
        lines = [json.dumps({"name": name, "account": account}) for account, name in sorted(self.wanted)]
        (self.folder / "rows.jsonl").write_text("\n".join(lines))
        (self.folder / "bulkprof.toml").write_text(
            f'estate = "killed"\n[defaults]\nmodel = "amazon.nova-lite-v1:0"\nregion = "{REGION}"\n'
            f'[organization]\nrole = "Onboarding"\n[run]\nsettle_s = {SETTLE_S}\n{self.config}'
        )

    def __enter__(self) -> Victim:
        self.sandbox.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.sandbox.stop()

    @property
    def environment(self) -> Mapping[str, str]:
        """The process's variables: nothing of this machine's AWS settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BULKPROF_"))}
        return {**kept, **self.sandbox.environment(), **self.more}

    def start(self, *command: str, **more: Any) -> warm.Process:
        """Start a command; `more` is said to its process."""
        command = with_flags(command)
        return warm.Process(command, cwd=self.folder, env=self.environment, **more)

    def start_cold(self, *command: str) -> subprocess.Popen[str]:
        """Start an interpreter that has to import the command first."""
        return subprocess.Popen(
            [sys.executable, "-m", "bulkprof", *with_flags(command)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def calls(self) -> int:
        """How many calls the sandbox has answered."""
        return self.sandbox.ledger().count()

    def kill_one(self, command: tuple[str, ...], *, after_calls: int) -> bool:
        """Run `command` until the sandbox has answered so many calls more, then kill it; False if it ended before.

        With 0 calls it dies while it starts up, or reads and plans: that takes time, not calls, to measure.
        """
        seen = self.calls()
        with self.start(*command) if after_calls else self.start_cold(*command) as process:
            if not after_calls:
                moment = self.chance.uniform(0.0, 0.9)
                self.log.append(f"{command[0]} killed after {moment:.2f} s")
                try:
                    process.wait(moment)
                except subprocess.TimeoutExpired:
                    process.kill()
            else:
                give_up = time.monotonic() + PATIENCE_S
                while process.poll() is None and self.calls() < seen + after_calls:
                    assert time.monotonic() < give_up, self.log
                    time.sleep(0.002)
                self.log.append(f"{command[0]} killed after {after_calls} calls")
                process.kill()
            _, err = process.communicate()
        killed = process.returncode == -signal.SIGKILL
        self.kills += killed
        if not killed:
            self.log.append(f"... but it ended with {process.returncode}: {err}")
            assert process.returncode in {0, 64}, self.log
        self.check_files()
        return killed

    def finish(self, command: tuple[str, ...]) -> dict[str, Any]:
        """Run `command` to its end; returns its summary."""
        with self.start(*command) as process:
            out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, (self.log, err)
        summary: dict[str, Any] = json.loads(out)
        return summary

    def resume_here(self) -> dict[str, Any]:
        """Go on with the newest run in this process, which takes half the time, within `side_by_side`."""
        state_dir, results = self.folder / ".bulkprof", self.folder / "results.jsonl"
        options = Options(config=load(self.folder / "bulkprof.toml"), state_dir=state_dir, results=results)

        async def resume() -> RunSummary:
            talk_to(self.sandbox)
            return await bulkprof.resume(None, options)

        summary = asyncio.run(resume())
        assert summary.exit_code == 0, self.log
        return dict(summary.as_json())

    def check(self, summary: Mapping[str, Any]) -> None:
        """Check that all rows were made once, and that the last run accounts for each."""
        results = [json.loads(line) for line in (self.folder / "results.jsonl").read_text().splitlines()]
        try:
            exactly_once(self.sandbox.ledger(), self.wanted, results)
            assert summary["desired"] == sum(summary["outcomes"].values()) == self.rows
            self.check_files()
        except AssertionError as error:
            error.add_note("\n".join([f"seed {SEED} {self.seed}", *self.log]))
            raise

    def check_files(self) -> None:
        """Check that every run file that was finished being made opens, and that its outcomes add up."""
        for path in (self.folder / ".bulkprof" / "runs").glob("*.db"):
            if is_whole(path):
                with closing(RunFile.open(path)) as run:
                    summary_of(run)

    def unfinished(self) -> bool:
        """Whether there is a run to resume."""
        for path in (self.folder / ".bulkprof" / "runs").glob("*.db"):
            if is_whole(path):
                with closing(RunFile.open(path)) as run:
                    if run.details().status not in {RunStatus.FINISHED, RunStatus.REFUSED}:
                        return True
        return False

    def forget(self) -> None:
        """Lose the state directory's run files."""
        for path in (self.folder / ".bulkprof" / "runs").glob("*"):
            path.unlink()
        self.log.append("run files lost")


def is_whole(path: Path) -> bool:
    """Whether the process lived to write the run's first lines: before that nothing was sent, and there is no run."""
    import sqlite3

    with closing(sqlite3.connect(path)) as database:
        if not database.execute("PRAGMA user_version").fetchone()[0]:
            return False
        return bool(database.execute("SELECT count(*) FROM meta").fetchone()[0])


APPLY = ("apply", "rows.jsonl")
RESUME = ("resume",)


def kill_often(victim: Victim, kills: int, *, again: str, lose_files: bool = False) -> None:
    """Kill `kills` processes, going on by `apply`, `resume` or either as chance has it; then let one end, and check.

    The first dies early, the second between its first calls, the others anywhere.
    """
    for number in range(kills):
        command = victim_command(victim, again)
        after_calls = 0 if number == 0 else victim.chance.randint(1, 12 if number == 1 else 60)
        victim.kill_one(command, after_calls=after_calls)
        if lose_files and victim.chance.random() < 0.5:
            victim.forget()
    summary = victim.finish(victim_command(victim, again))
    victim.check(summary)


def victim_command(victim: Victim, again: str) -> tuple[str, ...]:
    """What its user types next."""
    if not victim.unfinished() or again == "apply":
        return APPLY
    if again == "either":
        return victim.chance.choice((APPLY, RESUME))
    return RESUME
