"""The flags that commands share, each with its environment variable."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from bulkprof.cli.logs import LogFormat

Manifests: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="MANIFEST...", help="CSV, JSON or JSON Lines files; - reads standard input.")
]
ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", envvar="BULKPROF_CONFIG", help="Config file (default: bulkprof.toml)."),
]
StateDir: TypeAlias = Annotated[
    Path,
    typer.Option("--state-dir", metavar="DIR", envvar="BULKPROF_STATE_DIR", help="Where runs are kept."),
]
Json: TypeAlias = Annotated[
    bool, typer.Option("--json", envvar="BULKPROF_JSON", help="One JSON object on stdout, everything else on stderr.")
]
Yes: TypeAlias = Annotated[
    bool, typer.Option("--yes", "-y", envvar="BULKPROF_YES", help="Don't ask; needed without a terminal.")
]
UseSandbox: TypeAlias = Annotated[
    bool, typer.Option("--sandbox", envvar="BULKPROF_SANDBOX", help="Work in a sandbox on this machine, not in AWS.")
]
Results: TypeAlias = Annotated[
    Path | None,
    typer.Option("--results", metavar="FILE", envvar="BULKPROF_RESULTS", help="A line per profile: .csv or .jsonl."),
]
Failed: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--failed", metavar="FILE", envvar="BULKPROF_FAILED", help="Rows that failed, as a manifest: .csv or .jsonl."
    ),
]


class Cells(StrEnum):
    """What CSV files hold where a spreadsheet would run a cell."""

    SAFE = "safe"
    RAW = "raw"


CsvCells: TypeAlias = Annotated[
    Cells | None,
    typer.Option(
        "--csv-cells",
        envvar="BULKPROF_CSV_CELLS",
        help="Cells of CSV files: safe ones, which no spreadsheet runs (default of --results), or raw ones, the very "
        "values (default of manifests).",
    ),
]
FailureTolerance: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--failure-tolerance",
        metavar="N|N%",
        envvar="BULKPROF_FAILURE_TOLERANCE",
        help="Stop when more profiles fail (exit 4).",
    ),
]


def _commas(context: typer.Context, parameter: typer.CallbackParam, values: list[str] | None) -> list[str]:
    """The values of a flag that takes several, separated by commas, and may stand several times."""
    variable = str(parameter.envvar)
    source = context.get_parameter_source(str(parameter.name))
    if source is not None and source.name != "COMMANDLINE":
        # Read here: typer would take the variable apart at its blanks, which tag values may hold. One that is set to
        # nothing was meant to restrict the run, and must not let it loose.
        if variable in os.environ and not os.environ[variable].strip():
            raise typer.BadParameter(f"{variable} is set, but empty; unset it for no restriction")
        values = [os.environ[variable]] if variable in os.environ else []
    found = [part.strip() for value in values or () for part in value.split(",")]
    if not all(found):
        raise typer.BadParameter("one of its values is empty")
    return found


Accounts: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--accounts",
        metavar="SEL[,SEL]",
        envvar="BULKPROF_ACCOUNTS",
        callback=_commas,
        help="Only these accounts: ids, aliases, ou:OU-ID, org:*, tag:KEY=VALUE.",
    ),
]
NotAccounts: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--not-accounts",
        metavar="SEL[,SEL]",
        envvar="BULKPROF_NOT_ACCOUNTS",
        callback=_commas,
        help="Leave these accounts out.",
    ),
]
Regions: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--regions",
        metavar="R[,R]",
        envvar="BULKPROF_REGIONS",
        callback=_commas,
        help="Only these Regions of what manifests ask for.",
    ),
]
SkipInvalid: TypeAlias = Annotated[
    bool,
    typer.Option("--skip-invalid", envvar="BULKPROF_SKIP_INVALID", help="Go on without invalid rows (exit 3)."),
]
Logs: TypeAlias = Annotated[
    LogFormat,
    typer.Option("--log-format", envvar="BULKPROF_LOG_FORMAT", help="How lines on stderr look: for people or logs."),
]
Deadline: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--deadline",
        metavar="WHEN",
        envvar="BULKPROF_DEADLINE",
        help="Stop in time: after 2h, 90m or 30s, at 06:00, or at a date and time. The rest stays open (exit 3).",
    ),
]
TargetsInFlight: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--max-targets-in-flight",
        metavar="N",
        min=1,
        max=1000,
        envvar="BULKPROF_MAX_TARGETS_IN_FLIGHT",
        help="Accounts and Regions that are worked in at once (default: 50, or the config's).",
    ),
]
NoColor: TypeAlias = Annotated[
    bool, typer.Option("--no-color", envvar="BULKPROF_NO_COLOR", help="No colours (NO_COLOR works, too).")
]
Replace: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--replace",
        envvar="BULKPROF_REPLACE",
        help="Replace profiles whose model or description differs. They get new ARNs: callers of the old ones break.",
    ),
]
Prune: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--prune", envvar="BULKPROF_PRUNE", help="Delete the estate's profiles that no manifest wants, under the caps."
    ),
]
