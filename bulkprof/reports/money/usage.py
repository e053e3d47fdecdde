"""What is used, as tables, as CSV, and as JSON-ready values."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bulkprof.money.usage import Group, ProfileUse, Usage, Use, share
from bulkprof.reports.lines import print_line
from bulkprof.reports.text import counted
from bulkprof.system.files import write_whole
from bulkprof.text.printable import spreadsheet_cells

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SHOWN = 40
"""Lines of a table before the rest is only counted."""
COLUMNS = ("invocations", "input_tokens", "output_tokens", "throttles", "last_used")
_WHO = ("id", "arn", "name", "account", "region")
_HEADINGS = ("invoked", "tokens in", "out", "throttled", "last use")


def usage_json(usage: Usage, by: str | None) -> dict[str, Any]:
    """Return the figures as JSON-ready values, with sums by a field where one is given."""
    everything = usage.everything
    found: dict[str, Any] = {
        "from": usage.period.first.isoformat(),
        "days": usage.period.days,
        "profiles": [each.as_json() for each in usage.profiles],
        "past_profiles": [{**each.as_json(), "share": share(each.invocations, everything)} for each in usage.past],
        "unused": len(usage.unused),
        "past_share": usage.past_share,
    }
    if by is not None:
        found["by"] = by
        found["groups"] = [group.as_json() for group in usage.by(by)]
    return found


def write_usage(path: Path, usage: Usage, *, raw: bool = False) -> None:
    """Write a row for each profile as CSV, with its tags; `raw` leaves cells as they are. Raises `StateError`."""
    shown: Callable[[list[str]], list[str]] = list if raw else spreadsheet_cells
    keys = sorted({key for each in usage.profiles for key in each.tags})

    def write(file: IO[str]) -> None:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(shown([*_WHO, *COLUMNS, *(f"tag:{key}" for key in keys)]))
        for each in usage.profiles:
            row = each.as_json()
            cells = ["" if row[name] is None else str(row[name]) for name in (*_WHO, *COLUMNS)]
            writer.writerow(shown([*cells, *(each.tags.get(key, "") for key in keys)]))

    write_whole(path, write)


def show_usage(console: Console, usage: Usage, by: str | None) -> None:
    """Print the profiles that are used most, or sums by a field, and what is invoked past profiles."""
    if by is not None:
        _show_groups(console, by, usage.by(by))
    elif used := [each for each in usage.profiles if not each.use.is_none]:
        _show_profiles(console, used)
    if usage.past:
        _show_past(console, usage)
    print_line(console, usage_line(usage), hang=2)


def usage_line(usage: Usage) -> str:
    """Sum it up in a line."""
    total = usage.total
    past = f", {usage.past_invocations:,} past them ({usage.past_share:.1%})" if usage.past else ""
    return (
        f"{usage.period}: {counted(len(usage.profiles), 'profile')}, {len(usage.unused):,} of them never used; "
        f"{total.invocations:,} invocations{past}"
    )


def _show_profiles(console: Console, used: Sequence[ProfileUse]) -> None:
    from rich.markup import escape

    table = _table("profile")
    for each in used[:SHOWN]:
        name = f"{escape(each.name)} [dim](replaced)[/]" if each.retiring else escape(each.name)
        table.add_row(name, *_cells(each.use))
        table.add_row(f"[dim]{each.account}/{each.region}[/]")
    _print(console, table, len(used))


def _show_groups(console: Console, by: str, groups: Sequence[Group]) -> None:
    from rich.markup import escape

    table = _table(escape(by))
    table.add_column("profiles", justify="right")
    for group in groups[:SHOWN]:
        name = escape(group.value) or "[dim](none)[/]"
        table.add_row(name, *_cells(group.use), f"{group.profiles:,}")
    _print(console, table, len(groups))


def _show_past(console: Console, usage: Usage) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table(header_style="bold", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("invoked past profiles", overflow="fold")
    table.add_column("invoked", justify="right", no_wrap=True)
    table.add_column("of all", justify="right", no_wrap=True)
    everything = usage.everything
    for each in usage.past[:SHOWN]:
        table.add_row(escape(each.model), f"{each.invocations:,}", f"{share(each.invocations, everything):.1%}")
        table.add_row(f"[dim]{each.account}/{each.region}[/]")
    _print(console, table, len(usage.past))


def _table(who: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(header_style="bold", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column(who, overflow="fold")
    # Where there is little room, names are broken and figures are not.
    for heading in _HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _print(console: Console, table: Table, count: int) -> None:
    console.print(table)
    if count > SHOWN:
        console.print(f"  … and {count - SHOWN:,} more", highlight=False)


def _cells(use: Use) -> list[str]:
    counts = [f"{use.invocations:,}", _short(use.input_tokens), _short(use.output_tokens), f"{use.throttles:,}"]
    return [*counts, use.last_used.isoformat() if use.last_used else ""]


def _short(count: int) -> str:
    """Return `1234567` as `1.2M`."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= size:
            return f"{count / size:.1f}{unit}"
    return str(count)
