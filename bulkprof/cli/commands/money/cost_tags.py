"""The command `cost-tags`: which of the estate's tags the bill counts by."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from bulkprof.cli.app import app
from bulkprof.cli.catalogs import Live, NewestRun, check_sources
from bulkprof.cli.flags import SANDBOX, Display, Execution, Only, Scope, commas, with_flags
from bulkprof.cli.running import ending, make_options, make_terminal, run_async
from bulkprof.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

    from bulkprof.cli.terminal import Terminal
    from bulkprof.workflows.money.payer import CostTags


@app.command("cost-tags")
@with_flags
def cost_tags(
    *,
    run_id: NewestRun = None,
    live: Live = False,
    keys: Annotated[
        list[str] | None,
        typer.Option("--keys", metavar="KEY[,KEY]", help="Only these tag keys.", callback=commas),
    ] = None,
    own_tags: Annotated[bool, typer.Option("--own-tags", help="Also the tags that bulkprof itself sets.")] = False,
    activate: Annotated[
        bool,
        typer.Option("--activate", help="Let the bill count by them: by --keys, else [costs] activate, else all."),
    ] = False,
    backfill: Annotated[
        str | None,
        typer.Option("--backfill", metavar="YYYY-MM", help="Count past costs, too, from this month on."),
    ] = None,
    scope: Annotated[Scope, Only("accounts", "not_accounts", "regions")],
    run: Annotated[Execution, Only("max_targets_in_flight", "config", "state_dir", *SANDBOX)],
    shown: Display,
) -> int:
    """Show which of the estate's tags the bill counts by, and let it count by more. Only the payer's account can."""
    from bulkprof.workflows.money.cost_tags import Wish, look

    terminal = make_terminal(shown)
    options = make_options(terminal, scope, run)
    with ending(terminal):
        check_sources(run_id, scope, live=live, instead="--keys")
        chosen = tuple(dict.fromkeys(keys or ()))
        wish = Wish(run_id, live, chosen, own_tags, activate, _since(backfill) if backfill is not None else None)

        async def work() -> "CostTags":
            return await look(wish, options, terminal, terminal.stop)

        found = run_async(terminal, work, again=None)
    _tell(terminal, found, asked=activate)
    return int(found.exit_code)


def _since(month: str) -> "date":
    from bulkprof.money.cost_tags import backfill_since

    try:
        return backfill_since(month, datetime.now(UTC).date())
    except ValueError as error:
        raise UsageError(f"--backfill {month}: {error}") from None


def _tell(terminal: "Terminal", found: "CostTags", *, asked: bool) -> None:
    from bulkprof.money.cost_tags import TagStatus
    from bulkprof.reports.money.cost_tags import show_cost_tags

    if terminal.as_json:
        terminal.json(
            {
                "command": "cost-tags",
                "tags": [tag.as_json() for tag in found.tags],
                "activated": found.activated,
                "waiting": found.waiting,
                "errors": [refusal._asdict() for refusal in found.refused],
                "backfill": found.backfill and {"from": found.backfill.since, "status": found.backfill.status},
                "backfill_error": found.backfill_error or None,
                "unreachable": {str(target): str(error) for target, error in sorted(found.unreachable.items())},
                "exit_code": int(found.exit_code),
            }
        )
    show_cost_tags(terminal.output.console, found.tags)
    if found.activated:
        terminal.note(f"activated: {', '.join(found.activated)}; it takes up to a day to show in the bill")
    for refusal in found.refused:
        terminal.error(f"{refusal.key} stays inactive: {refusal.message}")
    if found.waiting:
        terminal.error(
            f"can't be activated yet: {', '.join(found.waiting)}; billing sees a key within a day of its first profile"
        )
    inactive = [tag.key for tag in found.tags if tag.status is TagStatus.INACTIVE]
    if inactive and not asked:
        terminal.note(f"the bill doesn't count by {', '.join(inactive)}; --activate lets it")
    if found.backfill is not None:
        terminal.note(f"past costs are counted again from {found.backfill.since} on: {found.backfill.status.lower()}")
    if found.backfill_error:
        terminal.error(f"no backfill was started: {found.backfill_error}")
