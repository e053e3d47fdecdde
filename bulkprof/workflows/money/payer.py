"""Cost allocation tags in the payer's account: which keys are active, and those that are to be.

The payer's account is entered by a role of its own, or is the caller's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from operator import itemgetter

import anyio

from bulkprof.aws.money.cost_explorer import KEYS_CHANGED, KEYS_LISTED, CostExplorerApi
from bulkprof.aws.operations import CostOperation
from bulkprof.engine.lane import Lane
from bulkprof.errors import AwsError, ConflictError, ExitCode
from bulkprof.model import Target
from bulkprof.money.cost_tags import Backfill, BillingTag, CostTag, Refusal, TagStatus, cost_tags
from bulkprof.pages import Send, whole_list
from bulkprof.stop import StopRequestedError
from bulkprof.workflows.steps.connection import Connection
from bulkprof.workflows.steps.context import Workspace

PATIENCE_S = 60.0
"""Seconds that the end of a run waits for cost allocation tags."""


@dataclass(slots=True)
class CostTags:
    """The keys, and what was done about them."""

    tags: list[CostTag] = field(default_factory=list)
    """As they are now."""
    activated: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    """Keys that were to be activated, and that billing hasn't seen yet."""
    refused: list[Refusal] = field(default_factory=list)
    backfill: Backfill | None = None
    backfill_error: str = ""
    """Why no backfill was started."""
    unreachable: dict[Target, AwsError] = field(default_factory=dict)
    """The targets that couldn't be read, where AWS was asked which keys there are."""

    @property
    def exit_code(self) -> ExitCode:
        """Whether all that was asked for is done."""
        left = self.waiting or self.refused or self.backfill_error or self.unreachable
        return ExitCode.ROWS_FAILED if left else ExitCode.DONE


async def keep_active(work: Workspace, connection: Connection) -> None:
    """After a run: activate the keys of `[costs] activate` that aren't active. Whatever fails is one warning."""
    wanted = work.settings.costs.activate
    if not wanted or work.stop.requested:
        return
    found = CostTags()
    try:
        with anyio.move_on_after(PATIENCE_S) as waiting:
            async with payer(work, connection) as (api, call):
                found.tags = cost_tags(dict.fromkeys(wanted, 0), await seen(api, call, wanted))
                await activate(api, call, wanted, found)
    except AwsError as error:
        work.ui.warn(f"[costs] activate: {error}")
    except StopRequestedError:
        return
    if waiting.cancelled_caught:
        work.ui.warn(f"[costs] activate: no answer in {PATIENCE_S:.0f} s; the next run tries again")
    if found.activated:
        work.ui.note(f"cost allocation tags activated: {', '.join(found.activated)}")
    for refusal in found.refused:
        work.ui.warn(f"[costs] activate: {refusal.key} stays inactive: {refusal.message}")
    if found.waiting:
        work.ui.note(
            f"cost allocation tags that billing hasn't seen yet: {', '.join(found.waiting)}; a later run activates them"
        )


@asynccontextmanager
async def payer(work: Workspace, connection: Connection) -> AsyncIterator[tuple[CostExplorerApi, Send]]:
    """Open Cost Explorer's calls in the payer's account. Raises `AwsError`."""
    near = next(iter(work.settings.defaults.region), "")
    await connection.caller(near=near)
    async with connection.sessions.payer("ce", near=near) as service:
        api = CostExplorerApi(service, work.settings.organization.payer_role)
        # One service for all Regions, with rates of its own.
        yield api, Lane(Target(api.where, "global"), connection.traffic).call


async def seen(api: CostExplorerApi, call: Send, keys: Sequence[str]) -> list[BillingTag]:
    """Return those of the keys that billing has seen."""
    found: list[BillingTag] = []
    for start in range(0, len(keys), KEYS_LISTED):
        page_after = partial(api.tags_page, keys[start : start + KEYS_LISTED])
        found += await whole_list(call, CostOperation.TAGS, page_after, itemgetter(0, 1))
    return found


async def activate(api: CostExplorerApi, call: Send, keys: Collection[str], found: CostTags) -> None:
    """Activate those of the keys that aren't active, as far as billing has seen them."""
    status = {tag.key: tag.status for tag in found.tags}
    found.waiting = [key for key in keys if status.get(key) is TagStatus.UNSEEN]
    inactive = [key for key in keys if status.get(key) is TagStatus.INACTIVE]
    for start in range(0, len(inactive), KEYS_CHANGED):
        part = inactive[start : start + KEYS_CHANGED]
        refused = await call(CostOperation.ACTIVATE, partial(api.activate, part))
        found.refused += refused
        done = [key for key in part if key not in {refusal.key for refusal in refused}]
        found.activated += done
        found.tags = [replace(tag, status=TagStatus.ACTIVE) if tag.key in done else tag for tag in found.tags]


async def backfill(api: CostExplorerApi, call: Send, since: date, found: CostTags) -> None:
    """Ask for a backfill, and note why there is none where AWS takes none now."""
    try:
        found.backfill = await call(CostOperation.BACKFILL, partial(api.backfill, since))
    except ConflictError as error:
        found.backfill_error = f"{error.message.rstrip('.')}; AWS takes one in 24 hours: try again later"
