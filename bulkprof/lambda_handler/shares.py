"""A run in several invocations: one plans and cuts it into shares in S3, one carries each share out, one merges them.

All of them work in one folder below `BULKPROF_SHARES`, whose name is in the event: that of the execution of a state
machine, say. It holds the plan, the shares and their index.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import anyio
import anyio.to_thread
from pydantic import Field

import bulkprof
from bulkprof.aws import AwsSessions
from bulkprof.aws.s3_prefix import open_prefix
from bulkprof.aws.s3_text import write_bytes
from bulkprof.config import Organization, Run
from bulkprof.errors import BulkprofError, ConfigError, ExitCode, RunInterruptedError, StateError, UsageError, unwrapped
from bulkprof.lambda_handler.events import Context, Planning, RunFailedError, Strict, understood
from bulkprof.lambda_handler.log_ui import LogUi
from bulkprof.lambda_handler.runs import deadline_of, end_of, run_options, setup, state_dir
from bulkprof.system.temporary import temporary_folder
from bulkprof.workflows.fleet.shard import INDEX
from bulkprof.workflows.fleet.stored import apply_stored
from bulkprof.workflows.options import Options

PLAN: Final = "plan.db"
"""The plan, beside its shares."""
_FOLDER: Final = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,79}$"


class ShardEvent(Strict):
    """How a plan is made and cut."""

    folder: str = Field(pattern=_FOLDER)
    """Where it goes, below `BULKPROF_SHARES`."""
    profiles: int = Field(default=1000, ge=1)
    """About how many profiles a share has."""
    plan: Planning = Planning()


class ShareEvent(Strict):
    """Which share is carried out."""

    folder: str = Field(pattern=_FOLDER)
    file: str = Field(pattern=r"^share-[0-9]+\.db$")


class MergeEvent(Strict):
    """Which plan's shares come home."""

    folder: str = Field(pattern=_FOLDER)


class ShareUnfinishedError(BulkprofError):
    """Time ran out before all of a share was done. What was done is kept, and the next invocation goes on."""

    exit_code = ExitCode.ROWS_FAILED


def shard(event: Mapping[str, Any] | None, context: Context) -> dict[str, Any]:
    """Plan, and cut the plan into shares. Return how many there are, and whether anything is to be done.

    This approves the plan: caps, vetoes and `failure_tolerance` are what stops it, so they raise here, before anything
    is written. Where nothing is to be done, no share is written. Shares that are there already are left as they are.
    """
    wanted, ends_at = understood(event, ShardEvent), end_of(context)
    with unwrapped():
        return anyio.run(_shard, wanted, ends_at)


async def _shard(event: ShardEvent, ends_at: datetime) -> dict[str, Any]:
    place = _place(event.folder)
    if (index := await _index(place)) is not None:
        return _answer(event.folder, index)
    async with setup() as found:
        with run_options(found.config, ends_at, **event.plan.model_dump()) as (options, ui), temporary_folder() as here:
            manifests = await anyio.to_thread.run_sync(found.manifests)
            plan = await bulkprof.plan(manifests, options, ui, out=here / PLAN)
            if not plan.has_changes and plan.in_order:
                return {"folder": event.folder, "to_do": False, "shares": 0, "profiles": 0, "plan": plan.run_id}
            data = await anyio.to_thread.run_sync((here / PLAN).read_bytes)
            async with AwsSessions(Organization(), Run()) as sessions:
                await write_bytes(sessions.client, f"{place}{PLAN}", data, "application/vnd.sqlite3")
            made = await bulkprof.shard(here / PLAN, place, options, ui, profiles=event.profiles)
            return _answer(event.folder, made.as_json())


def share(event: Mapping[str, Any] | None, context: Context) -> dict[str, Any]:
    """Carry out what is open in one share. Return how its profiles ended, rows that failed among them.

    Raises `ShareUnfinishedError` when time ran out. It is safe to invoke it again, after any error and at any time.
    """
    wanted, ends_at = understood(event, ShareEvent), end_of(context)
    with unwrapped():
        return anyio.run(_share, wanted, ends_at)


async def _share(event: ShareEvent, ends_at: datetime) -> dict[str, Any]:
    # The share carries its own settings; of the time that a call may take, the usual one is taken.
    options = Options(state_dir=state_dir(), deadline=deadline_of(ends_at, Run().timeout_s))
    try:
        summary = await apply_stored(_place(event.folder), event.file, options, LogUi())
    except RunInterruptedError as error:
        raise ShareUnfinishedError(f"{event.file}: {error}; invoke it again") from None
    outcomes = {str(kind): count for kind, count in summary.outcomes.items() if count}
    if summary.stopped:
        raise ShareUnfinishedError(f"{event.file}: {summary.stopped}; {json.dumps(outcomes)}; invoke it again")
    return {"file": event.file, "outcomes": outcomes, "exit_code": summary.exit_code}


def merge(event: Mapping[str, Any] | None, context: Context) -> dict[str, Any]:
    """Bring all shares of a plan home, and return the run's summary. Raises as `handler` does."""
    wanted, ends_at = understood(event, MergeEvent), end_of(context)
    with unwrapped():
        summary = anyio.run(_merge, wanted, ends_at)
    if summary["exit_code"]:
        raise RunFailedError(summary)
    return summary


async def _merge(event: MergeEvent, ends_at: datetime) -> dict[str, Any]:
    place = _place(event.folder)
    if (index := await _index(place)) is None:
        raise UsageError(f"{place}{INDEX}: there is no such index of shares; `shard` writes it")
    files = [f"{place}{each['file']}" for each in index["shares"]]
    async with setup() as found:
        with run_options(found.config, ends_at) as (options, ui):
            return (await bulkprof.merge(f"{place}{PLAN}", files, options, ui)).as_json()


def _answer(folder: str, index: Mapping[str, Any]) -> dict[str, Any]:
    shares = index["shares"]
    profiles = sum(each["profiles"] for each in shares)
    return {"folder": folder, "to_do": True, "shares": len(shares), "profiles": profiles, "plan": index["plan"]}


def _place(folder: str) -> str:
    """Return the address of a plan's folder. Raises `ConfigError`."""
    below = os.environ.get("BULKPROF_SHARES", "")
    if not below.startswith("s3://"):
        raise ConfigError("BULKPROF_SHARES: set it to s3://bucket/prefix/, where plans and shares are kept")
    return f"{below.rstrip('/')}/{folder}/"


async def _index(place: str) -> dict[str, Any] | None:
    """Return the index of the shares in a folder; None where there is none yet."""
    async with AwsSessions(Organization(), Run()) as sessions, open_prefix(sessions.client, place) as s3:
        found = await s3.read(INDEX)
    if found is None:
        return None
    try:
        index = json.loads(found[0])
        _answer("", index)
    except (ValueError, KeyError, TypeError):
        raise StateError(f"{place}{INDEX}: isn't what `shard` writes; remove it, and start again") from None
    return dict(index)
