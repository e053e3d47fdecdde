"""Which accounts and Regions a use case is about, and a walk over them.

What the offline reading of manifests left open is filled in with what AWS tells.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from bulkprof.aws import CallerIdentity
from bulkprof.engine.concurrency import side_by_side
from bulkprof.errors import AwsError, KeysNotAwaitedError, RegionError, UsageError
from bulkprof.model import Target
from bulkprof.reports.progress import Busiest
from bulkprof.rules.accounts import Accounts, is_complete
from bulkprof.stop import StopRequestedError
from bulkprof.store.run import RunFile
from bulkprof.ui import OnlyNew, Progress
from bulkprof.workflows.steps.connection import Connection
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.load import forget_rows, load_manifests, require_rows


async def resolve(
    work: Workspace, run: RunFile, connection: Connection, manifests: Sequence[str]
) -> tuple[CallerIdentity, list[Target]]:
    """Fill in accounts and Regions, and return the caller and the run's targets.

    Raises `ManifestError` for rows that turn out invalid, `UsageError` where the filters leave nothing, and `AwsError`
    when AWS doesn't tell.
    """
    targets = await run.off_loop(run.targets)
    region = connection.sessions.region
    if not region and any(not target.region for target in targets):
        raise RegionError(
            "no Region: give rows a `region` column, set [defaults] region in bulkprof.toml, or set AWS_REGION",
            code="NoRegion",
        )
    near = next((target.region for target in targets if target.region), "")
    caller = await connection.caller(near=near)
    if not work.filters and all(map(is_complete, targets)):
        return caller, targets
    selectors = work.accounts().needed_selectors(targets)
    accounts = work.accounts(await connection.directory(selectors, near=near))
    # Names and duplicates may depend on accounts, so the rows are read again rather than patched.
    told = await forget_rows(run)
    rules = work.rules(caller.account, region, accounts)
    await load_manifests(work, run, manifests, rules, OnlyNew(work.ui, told), again=True)
    targets = await run.off_loop(run.targets)
    _tell(work, accounts, targets)
    if work.filters and not targets and not run.invalid_count():
        raise UsageError(f"{work.filters} leaves nothing of what the manifests ask for; nothing was changed")
    require_rows(run, skip_invalid=work.options.skip_invalid)
    return caller, targets


async def chosen_targets(work: Workspace, connection: Connection, purpose: str) -> tuple[CallerIdentity, list[Target]]:
    """Return the caller, and the flags' accounts and Regions, or what a row means that names none.

    `purpose` is what an account is looked for to do, for people.
    Raises `UsageError` where that is none, `RegionError` where no Region is known, and `AwsError`.
    """
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
        raise UsageError(f"{work.filters} leaves no account to {purpose}")
    return caller, sorted({Target(account, region) for account in chosen.accounts for region in regions})


def _tell(work: Workspace, accounts: Accounts, targets: Sequence[Target]) -> None:
    if left_out := accounts.left_out:
        statuses = ", ".join(f"{account} ({status})" for account, status in sorted(left_out.items()))
        count = "1 account that isn't" if len(left_out) == 1 else f"{len(left_out)} accounts that aren't"
        work.ui.note(f"left out {count} active: {statuses}")
    for unused in accounts.unused_filters(targets) if targets else ():
        work.ui.warn(f"{unused}: no row asks for it")


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
        self.work.ui.at_work(Busiest(self.connection.lanes, self.connection.rate))
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
