"""A sandbox, a state directory and a config that belong together; many such worlds can run in one event loop."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import bulkprof
from bulkprof.aws import AwsSessions
from bulkprof.config import Config, Settings
from bulkprof.engine import outcomes as recording
from bulkprof.engine import retry
from bulkprof.model import Target
from bulkprof.pacing import pacer, start
from bulkprof.sandbox import Hypotheses, Ledger, LedgerProfile, Rate, Sandbox, SandboxSettings
from bulkprof.statuses import UNFINISHED
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.run import RunFile
from bulkprof.totals import RunSummary
from bulkprof.ui import Ui
from bulkprof.workflows.options import Options
from bulkprof.workflows.steps import connect as connecting

SEED = int(os.environ.get("BULKPROF_FAULT_SEED", "20261123"))
"""What all chance in these tests follows from; failures print it."""
FAST = Rate(100_000, 100_000)
ESTATE = "faults"
REGION = "us-east-1"
_environment: ContextVar[Mapping[str, str]] = ContextVar("environment")


class Told(Ui):
    """Keeps what the run says, for the failure message."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warn(self, message: str) -> None:
        """Keep it."""
        self.lines.append(message)

    def note(self, message: str) -> None:
        """Keep it."""
        self.lines.append(message)


@contextmanager
def side_by_side(*, first_wait_s: float = 0.05) -> Iterator[None]:
    """Let each task talk to the sandbox of its own world, and neither start nor retry as slowly as AWS is owed."""

    def sessions(organization: Any, run: Any, **more: Any) -> AwsSessions:
        return AwsSessions(organization, run, environment=_environment.get(), **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connecting, "AwsSessions", sessions)
        patch.setattr(retry, "FIRST_WAIT_S", first_wait_s)
        # Politeness towards AWS and the disk, which a sandbox on this machine doesn't need.
        patch.setattr(recording, "FLUSH_S", 0.01)
        patch.setattr(pacer, "START_PACE", 200.0)
        patch.setattr(start, "START_POWER", 400.0)
        patch.setattr(start, "FOLLOW_SECONDS", 0.0)
        yield


def talk_to(sandbox: Sandbox) -> None:
    """Let this task talk to `sandbox`, within `side_by_side`."""
    _environment.set(sandbox.environment())


@dataclass
class World:
    """One sandbox with its user."""

    folder: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    hypotheses: Hypotheses = field(default_factory=Hypotheses)
    sandbox_settings: Mapping[str, Any] = field(default_factory=dict)
    told: Told = field(default_factory=Told)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        given = {"rate": FAST, "seed": SEED, "hypotheses": self.hypotheses, **self.sandbox_settings}
        self.sandbox = Sandbox(SandboxSettings(**given))
        table = {
            "estate": ESTATE,
            "defaults": {"model": "amazon.nova-lite-v1:0", "region": REGION},
            "organization": {"role": "Onboarding"},
            **self.settings,
        }
        self.config = Config(settings=Settings.model_validate(table))

    def __enter__(self) -> World:
        self.sandbox.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.sandbox.stop()

    def manifest(self, rows: Iterable[Mapping[str, Any]], file: str = "rows.jsonl") -> str:
        """Write a manifest, and return its path."""
        path = self.folder / file
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return str(path)

    async def run(
        self, use_case: Callable[..., Awaitable[RunSummary]], *arguments: Any, stop: Any = None, **flags: Any
    ) -> RunSummary:
        """Run `bulkprof.apply`, `bulkprof.sync` or `bulkprof.resume` against this world's sandbox."""
        talk_to(self.sandbox)
        (self.folder / "results.jsonl").unlink(missing_ok=True)
        options = Options(
            config=self.config, state_dir=self.folder / "state", results=self.folder / "results.jsonl", **flags
        )
        return await use_case(*arguments, options, self.told, stop)

    async def apply(self, *manifests: str, **flags: Any) -> RunSummary:
        """Apply manifests."""
        return await self.run(bulkprof.apply, manifests, **flags)

    async def call(self, operation: str, arn: str, **values: Any) -> None:
        """Change a profile as other people would."""
        _, _, _, region, account, name = arn.split(":", 5)
        own = AwsSessions(self.config.settings.organization, self.config.settings.run, environment=self.environment)
        async with own as sessions:
            api = await sessions.bedrock(Target(account, region))
            match operation:
                case "CreateInferenceProfile":
                    await api.create(**values)
                case "DeleteInferenceProfile":
                    await api.delete(arn)
                case "TagResource":
                    await api.tag(arn, **values)
                case _:
                    raise AssertionError(f"these tests don't call {operation} for {name}")

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that lead to the sandbox."""
        return self.sandbox.environment()

    def results(self) -> list[dict[str, Any]]:
        """The last run's results lines."""
        text = (self.folder / "results.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def unfinished(self) -> Iterator[str]:
        """The runs that can be resumed."""
        for run_id in self.state.run_ids():
            with closing(RunFile.open(self.state.run_path(run_id))) as run:
                if run.details().status in UNFINISHED:
                    yield run_id

    @property
    def state(self) -> StateDirectory:
        """The state directory."""
        return StateDirectory(self.folder / "state")


async def until(condition: Callable[[], Any], *, patience_s: float = 20.0) -> None:
    """Wait for what the sandbox's thread does."""
    async with asyncio.timeout(patience_s):
        while not condition():  # noqa: ASYNC110 - another thread's doing has no event to wait for
            await asyncio.sleep(0.005)


@asynccontextmanager
async def under_way(run: Awaitable[Any]) -> AsyncIterator[asyncio.Task[Any]]:
    """A run that the test ends as it likes; left alone it is cut down as by a kill, in the middle of everything."""
    task = asyncio.ensure_future(run)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


def outcomes(summary: RunSummary) -> dict[str, int]:
    """The outcomes that there are any of."""
    return {str(kind): count for kind, count in summary.outcomes.items() if count}


def adds_up(summary: RunSummary, results: list[dict[str, Any]]) -> None:
    """Check that results and summary agree, and that no row has two outcomes or none."""
    assert Counter(line["outcome"] for line in results) == Counter(outcomes(summary))
    keys = [(line["account"], line["region"], line["name"]) for line in results if line["file"]]
    assert len(keys) == len(set(keys)) == summary.desired


def exactly_once(
    ledger: Ledger, wanted: Iterable[tuple[str, str]], results: list[dict[str, Any]] | None = None
) -> None:
    """Check that every (account, name) was made once in all the time there was, lives, and is what results say."""
    wanted = set(wanted)
    accounts = {account for account, _ in wanted}
    made = [profile for profile in ledger.profiles if profile.account in accounts]
    counted = Counter((profile.account, profile.name) for profile in made)
    more = {key: count for key, count in counted.items() if count > 1}
    assert not more, f"seed {SEED}: made more than once: {more}"
    missing = wanted - set(counted)
    assert not missing, f"seed {SEED}: forgotten: {sorted(missing)}"
    assert set(counted) == wanted, f"seed {SEED}: not asked for: {sorted(set(counted) - wanted)}"
    assert not [profile for profile in made if profile.deleted_at is not None], f"seed {SEED}: deleted"
    if results is not None:
        arns = {(profile.account, profile.name): profile.arn for profile in made}
        told = {(line["account"], line["name"]): line["arn"] for line in results if line["account"] in accounts}
        assert told == arns, f"seed {SEED}: the results' ARNs are not the ledger's"


def ours(profile: LedgerProfile) -> bool:
    """Whether a profile carries the estate's ownership tag."""
    return profile.tags.get("bulkprof:estate") == ESTATE


def check_run_files(state: StateDirectory) -> None:
    """Check that every run file opens, and that what each says of itself adds up."""
    from bulkprof.workflows.steps.summary import summary_of

    for run_id in state.run_ids():
        with closing(RunFile.open(state.run_path(run_id))) as run:
            summary_of(run)
