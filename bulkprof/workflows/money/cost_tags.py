"""The use case `cost-tags`: which of the estate's tag keys the bill counts by, and those that it is to count by.

All of it is in the payer's account, which is entered by a role of its own or is the caller's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from bulkprof.errors import KeysNotAwaitedError, RunInterruptedError, UsageError, unwrapped
from bulkprof.money.cost_tags import cost_tags
from bulkprof.stop import Stop, StopRequestedError
from bulkprof.ui import Ui
from bulkprof.workflows import catalog
from bulkprof.workflows.money.payer import CostTags, activate, backfill, payer, seen
from bulkprof.workflows.options import Options
from bulkprof.workflows.steps.connect import connect
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.sandbox import check_sandbox


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for."""

    run_id: str | None = None
    """The run whose profiles count; by default the estate's newest one."""
    live: bool = False
    """Whether AWS is asked which profiles there are, instead of a run."""
    keys: tuple[str, ...] = ()
    """Only these keys; by default all that profiles carry, and those of the config."""
    own_tags: bool = False
    """Whether the tags that bulkprof itself sets are among them."""
    activate: bool = False
    backfill: date | None = None


async def look(wish: Wish, options: Options, ui: Ui, stop: Stop) -> CostTags:
    """Return the estate's keys with their status in billing, after what was asked to be done.

    Raises `UsageError` where there is no key to look at, and `AwsError` where the payer's account can't be read.
    """
    check_sandbox(options)
    found = CostTags()
    carried = await _carried(wish, options, ui, stop, found)
    work = Workspace(options, ui, stop)
    try:
        with unwrapped():
            async with connect(work) as connection, payer(work, connection) as (api, call):
                found.tags = cost_tags(carried, await seen(api, call, list(carried)))
                if wish.activate:
                    wanted = wish.keys or options.config.settings.costs.activate or tuple(carried)
                    await activate(api, call, wanted, found)
                if wish.backfill is not None:
                    await backfill(api, call, wish.backfill, found)
    except (StopRequestedError, KeysNotAwaitedError):
        raise RunInterruptedError("", code=stop.exit_code, reason=stop.reason) from None
    return found


async def _carried(wish: Wish, options: Options, ui: Ui, stop: Stop, found: CostTags) -> Mapping[str, int]:
    """Return how many of the estate's profiles carry each key that is asked for."""
    settings = options.config.settings
    if wish.live:
        profiles = await catalog.live(options, ui, stop)
        found.unreachable = profiles.unreachable
    else:
        profiles = await catalog.recorded(options, wish.run_id, ui)
    left_out = frozenset() if wish.own_tags else settings.own_tags
    counts = Counter(
        key
        for entry in profiles.entries
        for key in entry.tags
        if key not in left_out and not key.lower().startswith("aws:")
    )
    chosen = wish.keys or (*counts, *settings.costs.activate)
    if not chosen:
        raise UsageError("the estate's profiles carry no tags but bulkprof's own; --own-tags looks at those, too")
    return {key: counts[key] for key in chosen}
