"""Accounts and Regions that the offline reading of manifests left open are settled with what AWS tells."""

from __future__ import annotations

from collections.abc import Sequence

from bulkprof.aws import Caller
from bulkprof.engine.targets import Fleet
from bulkprof.errors import RegionError, UsageError
from bulkprof.model import Target
from bulkprof.rules.accounts import Accounts, is_settled
from bulkprof.store.run import RunFile
from bulkprof.ui import OnlyNew
from bulkprof.workflows.context import Workspace
from bulkprof.workflows.load import require_rows, start_again, take_in


async def resolve(work: Workspace, run: RunFile, fleet: Fleet, manifests: Sequence[str]) -> tuple[Caller, list[Target]]:
    """Fill in accounts and Regions, and answer the caller and the run's targets.

    Raises `ManifestError` for rows that turn out invalid, `UsageError` where the filters leave nothing, and `AwsError`
    when AWS doesn't tell.
    """
    targets = await run.off_loop(run.targets)
    region = fleet.sessions.region
    if not region and any(not target.region for target in targets):
        raise RegionError(
            "no Region: give rows a `region` column, set [defaults] region in bulkprof.toml, or set AWS_REGION",
            code="NoRegion",
        )
    near = next((target.region for target in targets if target.region), "")
    caller = await fleet.caller(near=near)
    if not work.filters and all(map(is_settled, targets)):
        return caller, targets
    selectors = work.accounts().needed_selectors(targets)
    accounts = work.accounts(await fleet.directory(selectors, near=near))
    # Names and duplicates may depend on accounts, so the rows are read again rather than patched.
    told = await start_again(run)
    rules = work.rules(caller.account, region, accounts)
    await take_in(work, run, manifests, rules, OnlyNew(work.ui, told), again=True)
    targets = await run.off_loop(run.targets)
    _tell(work, accounts, targets)
    if work.filters and not targets and not run.invalid_count():
        raise UsageError(f"{work.filters} leaves nothing of what the manifests ask for; nothing was changed")
    require_rows(run, skip_invalid=work.options.skip_invalid)
    return caller, targets


def _tell(work: Workspace, accounts: Accounts, targets: Sequence[Target]) -> None:
    if left_out := accounts.left_out:
        statuses = ", ".join(f"{account} ({status})" for account, status in sorted(left_out.items()))
        count = "1 account that isn't" if len(left_out) == 1 else f"{len(left_out)} accounts that aren't"
        work.ui.note(f"left out {count} active: {statuses}")
    for unused in accounts.unused_filters(targets) if targets else ():
        work.ui.warn(f"{unused}: no row asks for it")
