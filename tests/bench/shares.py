"""How long it takes to cut a plan into shares, and to bring their outcomes home. Nothing is sent."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bulkprof
from bulkprof.config import Config, Settings
from bulkprof.engine.outcomes import closed_outcome
from bulkprof.model import ActionKind, DesiredProfile, OutcomeKind, Request, Target
from bulkprof.statuses import RunStatus
from bulkprof.store.database import Database
from bulkprof.store.details import RunDetails
from bulkprof.store.run import RunFile
from bulkprof.totals import CallCount
from bulkprof.workflows.options import Options
from tests.bench.table import Line

ESTATE = "bench"
PROFILES = 3
"""In each target."""
SHARE = 400
"""Targets of a share."""
CUT_S, MERGE_S = 2.0, 10.0
"""The limits: for each share of that many targets, and for 200,000 outcomes."""
CUTS, MERGES = (400, 4_000, 34_000), (20_000, 66_000, 200_000)
TAGS = {"bulkprof:estate": ESTATE, "Team": "search", "CostCenter": "4711"}


def bench() -> Iterator[Line]:
    """Cut plans of three sizes, and merge outcomes of three sizes."""
    for targets in CUTS:
        with tempfile.TemporaryDirectory() as folder:
            plan = make_plan(Path(folder), targets)
            seconds, shares = cut(plan)
            what = f"{targets:,} targets with {PROFILES} profiles each, cut into {shares} shares of {SHARE} targets"
            yield Line(what, seconds, "s", CUT_S * shares, "s at most", 2)
    for outcomes in MERGES:
        with tempfile.TemporaryDirectory() as folder:
            plan = make_plan(Path(folder), outcomes // PROFILES)
            _, shares = cut(plan)
            carry_out(plan.parent / "shares")
            limit = MERGE_S * outcomes / MERGES[-1]
            seconds = merge(plan)
            yield Line(f"{outcomes:,} outcomes of {shares} shares merged", seconds, "s", limit, "s at most", 2)


def options(folder: Path) -> Options:
    return Options(config=Config(settings=Settings(estate=ESTATE)), state_dir=folder / "state")


def make_plan(folder: Path, targets: int) -> Path:
    """Write a plan that creates all profiles, as `plan --out` does."""
    path = folder / "plan.db"
    details = RunDetails(id="20270131T020000Z-0f1a2b3c4", command="apply", estate=ESTATE, started_at="2027-01-31")
    with RunFile.create(path, details) as run:
        Database.make_fleeting(run)
        places = [Target(f"{number // 17:012d}", f"us-east-{number % 17}") for number in range(targets)]
        line = 1
        for place in places:
            rows = []
            for number in range(PROFILES):
                line += 1
                request = Request("teams.csv", line)
                rows.append(
                    run.form(
                        DesiredProfile(
                            request, place, model="nova", source="amazon.nova-lite-v1:0", name=f"p-{number}", tags=TAGS
                        )
                    )
                )
            run.add_desired(rows)
        run.end_intake()
        arn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
        for place in places:
            run.save_plan(
                replace(each, kind=ActionKind.CREATE, source_arn=arn, set_tags=TAGS) for each in run.wanted(place)
            )
        run.note(status=RunStatus.PLANNED)
    return path


def cut(plan: Path) -> tuple[float, int]:
    """Cut a plan. Return the seconds, and how many shares it became."""
    began = time.perf_counter()
    shard = bulkprof.shard(plan, plan.parent / "shares", options(plan.parent), profiles=SHARE * PROFILES)
    shares = asyncio.run(shard).shares
    return time.perf_counter() - began, len(shares)


def carry_out(folder: Path) -> None:
    """Give every action its outcome."""
    for path in folder.glob("*.db"):
        with RunFile.open(path) as share:
            share.make_fleeting()
            for target in share.pending_targets():
                made = [
                    closed_outcome(
                        action,
                        OutcomeKind.CREATED,
                        arn=f"arn:aws:bedrock:us-east-1:{target.account}:application-inference-profile/{action.id:012d}",
                        attempts=1,
                    )
                    for action in share.take_up(target, 0, 1000)
                ]
                share.record(made, {"CreateInferenceProfile": CallCount(len(made))})
            share.note(status=RunStatus.FINISHED)


def merge(plan: Path) -> float:
    """Merge all shares. Return the seconds."""
    began = time.perf_counter()
    summary = asyncio.run(bulkprof.merge(plan, plan.parent / "shares", options(plan.parent)))
    seconds = time.perf_counter() - began
    if summary.exit_code or summary.desired != summary.outcomes[OutcomeKind.CREATED]:
        raise RuntimeError(f"outcomes are missing: {summary}")
    return seconds
