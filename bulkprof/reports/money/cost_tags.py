"""Cost allocation tags as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from bulkprof.money.cost_tags import CostTag, TagStatus

if TYPE_CHECKING:
    from rich.console import Console

_WORDS: Mapping[TagStatus, str] = {
    TagStatus.ACTIVE: "[green]active[/]",
    TagStatus.INACTIVE: "[yellow]inactive[/]",
    TagStatus.UNSEEN: "[dim]not seen by billing yet[/]",
}


def show_cost_tags(console: Console, tags: Iterable[CostTag]) -> None:
    """Print a line for each key."""
    from rich.markup import escape
    from rich.table import Table

    table = Table("tag key", "billing", header_style="bold")
    table.add_column("profiles", justify="right")
    table.add_column("last in the bill")
    for tag in tags:
        table.add_row(escape(tag.key), _WORDS[tag.status], f"{tag.profiles:,}", tag.last_used)
    console.print(table)
