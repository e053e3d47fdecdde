"""What commands share that are about the catalog: where it is read from, and what is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from bulkprof.cli.flags import Scope
from bulkprof.errors import UsageError

if TYPE_CHECKING:
    from bulkprof.cli.terminal import Terminal
    from bulkprof.workflows.catalog import Catalog
    from bulkprof.workflows.options import Options

NewestRun: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="[RUN]", help="The run's id or its beginning; the newest by default.")
]
Live: TypeAlias = Annotated[bool, typer.Option("--live", help="Ask AWS what exists, instead of a run.")]
Conditions: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="FIELD=VALUE", help="Only these, such as tag:Team=search. All must hold."),
]

FILES_SHOWN = 5
"""Files that are named; `--json` names all."""
LEFT_OUT_SHOWN = 20
"""Profiles that are named if they are left out; `--json` names all."""
ALIKE_SHOWN = 3
"""Profiles left out for one reason that have a line each; more of them share one."""


def check_sources(run_id: str | None, scope: Scope, *, live: bool, instead: str = "--where") -> None:
    """Raise `UsageError` for flags that don't go together: a run and AWS, or selectors without AWS.

    `instead` is the flag that chooses from a run.
    """
    if live and run_id:
        raise UsageError(f"--live asks AWS, not run {run_id}: leave one of them out")
    if not live and (scope.accounts or scope.not_accounts or scope.regions):
        raise UsageError(f"--accounts, --not-accounts and --regions say where --live looks; a run has {instead}")


async def read(options: Options, terminal: Terminal, run_id: str | None, *, live: bool) -> Catalog:
    """Return the catalog of a run, or with `live` of what exists in AWS."""
    from bulkprof.workflows import catalog as catalogs

    if live:
        return await catalogs.live(options, terminal, terminal.stop)
    return await catalogs.recorded(options, run_id, terminal)


def tell_rest(terminal: Terminal, found: Catalog, more_in: str = "") -> None:
    """Say what isn't in it. `more_in` says where all that is left out is listed."""
    from bulkprof.reports.text import counted

    if found.foreign:
        terminal.note(f"{counted(found.foreign, 'profile')} of other estates, or of none, left out")
    if found.missing:
        terminal.warn(
            f"{counted(len(found.missing), 'profile')} of the run left out, without an ARN: see bulkprof report"
        )
    lines = _left_out(found.left_out)
    for line, _ in lines[:LEFT_OUT_SHOWN]:
        terminal.error(f"left out: {line}")
    if more := sum(profiles for _, profiles in lines[LEFT_OUT_SHOWN:]):
        terminal.error(f"left out: {more} more" + (f"; {more_in}" if more_in else ""))


def _left_out(lines: Sequence[str]) -> list[tuple[str, int]]:
    """Return what is told of profiles that are left out, each with their number: a reason of many is told once."""
    alike: dict[str, list[str]] = {}
    for line in lines:
        alike.setdefault(line.partition(": ")[2] or line, []).append(line)
    told: list[tuple[str, int]] = []
    for reason, of_reason in alike.items():
        if len(of_reason) <= ALIKE_SHOWN:
            told += [(line, 1) for line in of_reason]
        else:
            first = of_reason[0].partition(": ")[0]
            told.append((f"{len(of_reason)} profiles (the first: {first}): {reason}", len(of_reason)))
    return told


def tell_files(terminal: Terminal, found: Catalog) -> None:
    """Say which files were written."""
    from bulkprof.reports.text import counted

    shown = [*found.files[:FILES_SHOWN], *(["…"] if len(found.files) > FILES_SHOWN else [])]
    terminal.note(f"{counted(len(found.files), 'file')} written: {', '.join(shown)}")
