"""Reads what exists, target by target, for use cases that look at AWS without a manifest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from bulkprof.engine.concurrency import side_by_side
from bulkprof.errors import AwsError, KeysNotAwaitedError, RegionError, UsageError
from bulkprof.model import Target
from bulkprof.stop import StopRequestedError
from bulkprof.ui import Progress
from bulkprof.workflows.steps.connect import recent_runs
from bulkprof.workflows.steps.connection import Connection
from bulkprof.workflows.steps.context import Workspace


async def live_targets(work: Workspace, connection: Connection) -> list[Target]:
    """Return what is to be read: the flags' accounts and Regions, else what a row means that names none."""
    defaults = work.settings.defaults
    regions = tuple(work.options.regions) or defaults.region or tuple(filter(None, [connection.sessions.region]))
    if not regions:
        raise RegionError("no Region: name some (--regions), or set AWS_REGION", code="NoRegion")
    # Also the caller's own account goes by its number: rows name it.
    caller = await connection.caller(near=regions[0])
    values = tuple(work.options.accounts) or defaults.account or (caller.account,)
    accounts = work.accounts()
    places = [Target(account, region) for account in accounts.of(values).accounts for region in regions]
    resolved = work.accounts(await connection.directory(accounts.needed_selectors(places), near=regions[0]))
    chosen = resolved.of(values)
    for value, fault in chosen.faults:
        raise UsageError(f"account {value!r} {fault.reason}; {fault.remedy}")
    for account, status in sorted(resolved.left_out.items()):
        work.ui.note(f"{account} is left out: {status}")
    if not chosen.accounts:
        raise UsageError(f"{work.filters} leaves no account to read")
    return sorted({Target(account, region) for account in chosen.accounts for region in regions})


async def wait_for_lists(work: Workspace) -> None:
    """Wait until lists show what the last runs on this machine did."""
    recent = await recent_runs(work)
    if recent.left_s > 0:
        work.ui.note(f"waiting {recent.left_s:.0f} s until AWS's lists show what the last run did")
        await work.stop.pause(recent.left_s)


@dataclass(slots=True)
class Walk:
    """Reads targets, a bounded number at once."""

    work: Workspace
    connection: Connection
    read: Callable[[Target], Awaitable[None]]
    """Reads one target; an `AwsError` leaves it out."""
    unreachable: dict[Target, AwsError] = field(default_factory=dict)
    """The targets that couldn't be read."""
    stopped: bool = False

    async def over(self, targets: Sequence[Target]) -> None:
        """Read them all. Raises the error of the first where none can be read, and `StopRequestedError`."""
        width = self.work.settings.run.max_targets_in_flight
        with self.work.ui.progress("reading targets", len(targets)) as progress:
            one = partial(self._one, progress)
            if not await side_by_side(targets, width, self.connection.traffic, one) or self.stopped:
                raise StopRequestedError
        if self.unreachable and len(self.unreachable) == len(targets):
            raise next(iter(self.unreachable.values()))

    async def _one(self, progress: Progress, target: Target) -> None:
        try:
            await self.read(target)
        except KeysNotAwaitedError:
            self.stopped = True
            return
        except AwsError as error:
            self.unreachable[target] = error
            self.work.ui.warn_of(target, f"{target} is left out: {error}")
        except StopRequestedError:
            self.stopped = True
            return
        progress.step()
