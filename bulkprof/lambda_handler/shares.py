"""A run in several invocations: one plans and cuts it into shares in S3, one carries each share out, one merges them.

All of them work in one folder below `BULKPROF_SHARES`, whose name is in the event: that of the execution of a state
machine, say. It holds the plan, the shares and their index.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
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
from bulkprof.workflows.fleet.places import INDEX
from bulkprof.workflows.fleet.shard import ShareEntry, cut_plan
from bulkprof.workflows.fleet.stored import apply_stored
from bulkprof.workflows.options import Options

PLAN: Final = "plan.db"
"""The plan, beside its shares."""
ANSWER: Final = "answer.json"
"""What `shard` returned, beside them: it is there once all of them are, and makes a second invocation harmless."""
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

    This approves the plan: what stops it, caps, vetoes and `failure_tolerance`, raises here, before a share is written.
    Where nothing is to be done, none is. A folder that is cut already is left as it is.
    """
    wanted, ends_at = understood(event, ShardEvent), end_of(context)
    with unwrapped():
        return anyio.run(_shard, wanted, ends_at)


async def _shard(event: ShardEvent, ends_at: datetime) -> dict[str, Any]:
    place = _place(event.folder)
    if (answer := await _read(place, ANSWER)) is not None:
        return answer
    async with setup() as found:
        with run_options(found.config, ends_at, **event.plan.model_dump()) as (options, ui), temporary_folder() as here:
            manifests = await anyio.to_thread.run_sync(found.manifests)
            plan = await bulkprof.plan(manifests, options, ui, out=here / PLAN)
            if not plan.has_changes and plan.in_order:
                return _answer(event.folder, plan.run_id)
            data = await anyio.to_thread.run_sync((here / PLAN).read_bytes)
            await _write(place, PLAN, data, "application/vnd.sqlite3")
            # What an invocation left that was ended midway rests: no share is begun before this one returns.
            made = await cut_plan(here / PLAN, place, options, ui, profiles=event.profiles, over=True)
            answer = _answer(event.folder, plan.run_id, made.shares, canary=bool(plan.canary))
            await _write(place, ANSWER, json.dumps(answer).encode(), "application/json")
            return answer


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
    # Not all shares that lie there: an invocation of `shard` that was ended midway may have left some of another plan.
    if (index := await _read(place, INDEX)) is None:
        raise UsageError(f"{place}{INDEX}: there is no such index of shares; `shard` writes it")
    files = [f"{place}{each['file']}" for each in index["shares"]]
    async with setup() as found:
        with run_options(found.config, ends_at) as (options, ui):
            return (await bulkprof.merge(f"{place}{PLAN}", files, options, ui)).as_json()


def _answer(folder: str, plan: str, shares: Sequence[ShareEntry] = (), *, canary: bool = False) -> dict[str, Any]:
    return {
        "folder": folder,
        "plan": plan,
        "to_do": bool(shares),
        "shares": len(shares),
        "profiles": sum(share.profiles for share in shares),
        # The first share is the canary then.
        "canary": canary,
    }


def _place(folder: str) -> str:
    """Return the address of a plan's folder. Raises `ConfigError`."""
    below = os.environ.get("BULKPROF_SHARES", "")
    if not below.startswith("s3://"):
        raise ConfigError("BULKPROF_SHARES: set it to s3://bucket/prefix/, where plans and shares are kept")
    return f"{below.rstrip('/')}/{folder}/"


async def _read(place: str, name: str) -> dict[str, Any] | None:
    """Return a JSON object of a plan's folder; None where there is none yet. Raises `StateError`, `AwsError`."""
    async with AwsSessions(Organization(), Run()) as sessions, open_prefix(sessions.client, place) as s3:
        found = await s3.read(name)
    if found is None:
        return None
    try:
        return dict(json.loads(found[0]))
    except (ValueError, TypeError):
        raise StateError(f"{place}{name}: isn't what `shard` writes; start again, with another folder") from None


async def _write(place: str, name: str, data: bytes, kind: str) -> None:
    async with AwsSessions(Organization(), Run()) as sessions:
        await write_bytes(sessions.client, f"{place}{name}", data, kind)
