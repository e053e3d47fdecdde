"""The flags that commands share, in groups.

A command takes a group as one parameter, which `with_flags` spreads:

    @app.command()
    @with_flags
    def sync(manifests: Manifests, scope: Scope, run: Execution, shown: Display) -> int: ...

typer sees one parameter for each flag; the command gets one object for each group. A command that has some flags of a
group alone says which: see `Only`. Each flag has its environment variable: `--state-dir` has `BULKPROF_STATE_DIR`.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import update_wrapper
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import typer

from bulkprof.cli.logs import LogFormat

T = TypeVar("T")

STATE_DIR = Path(".bulkprof")


SANDBOX = ("sandbox", "sandbox_latency", "sandbox_rate", "sandbox_quota", "sandbox_fault")
"""The flags of `Execution` that are about the sandbox: a command that calls AWS has them all."""


class Cells(StrEnum):
    """What CSV files hold where a spreadsheet would run a cell."""

    SAFE = "safe"
    RAW = "raw"


def flag(name: str, about: str, *short: str, **more: Any) -> Any:
    """Return what typer has to know about a flag: its `--name`, help and short names, and what else typer takes."""
    variable = f"BULKPROF_{name.removeprefix('--').replace('-', '_').upper()}"
    return typer.Option(name, *short, envvar=variable, help=about, **more)


def commas(context: typer.Context, parameter: typer.CallbackParam, values: list[str] | None) -> list[str]:
    """Return the values of a flag that takes several, separated by commas, and that may be given several times."""
    variable = str(parameter.envvar)
    source = context.get_parameter_source(str(parameter.name))
    if source is not None and source.name != "COMMANDLINE":
        # Read here: typer would split the variable at its blanks, which tag values may hold. One that is set to
        # nothing was meant to restrict the run, so it must not lift the restriction.
        if variable in os.environ and not os.environ[variable].strip():
            raise typer.BadParameter(f"{variable} is set, but empty; unset it for no restriction")
        values = [os.environ[variable]] if variable in os.environ else []
    found = [part.strip() for value in values or () for part in value.split(",")]
    if not all(found):
        raise typer.BadParameter("one of its values is empty")
    return found


Manifests: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        metavar="MANIFEST...",
        help="CSV, JSON, YAML or Excel files, also s3://bucket/key; - reads standard input.",
    ),
]
Faults: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        metavar="NAME[=SHARE]",
        help="What goes wrong, in a share of the calls: throttle=0.1,cut_after=0.05; without a share in all. A wrong "
        "name lists them.",
        callback=commas,
    ),
]
RunArgument: TypeAlias = Annotated[str, typer.Argument(metavar="RUN", help="The run's id or its beginning.")]


NUMBER = {"metavar": "N", "min": 0}
"""What typer has to know about a flag that is a number of things."""

# Groups are neither compared nor printed: `--help` would wait for the methods for that to be made.


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Scope:
    """What a command works on, and what it may do there."""

    prune: Annotated[
        bool,
        flag("--prune", "Delete the estate's profiles that no manifest wants, under the caps."),
    ] = False
    replace: Annotated[
        bool,
        flag(
            "--replace",
            "Replace profiles whose model or description differs. They get new ARNs: callers of the old ones break.",
        ),
    ] = False
    allow_deletions: Annotated[
        int | None,
        flag("--allow-deletions", "Delete at most N profiles in this run, whatever [prune] says.", **NUMBER),
    ] = None
    allow_updates: Annotated[
        int | None,
        flag("--allow-updates", "Change or remove tags of at most N, whatever [caps.updates] says.", **NUMBER),
    ] = None
    allow_replacements: Annotated[
        int | None,
        flag("--allow-replacements", "Replace at most N, whatever [caps.replacements] says.", **NUMBER),
    ] = None
    accounts: Annotated[
        list[str] | None,
        flag(
            "--accounts",
            "Only these accounts: ids, aliases, ou:OU-ID, org:*, tag:KEY=VALUE.",
            metavar="SEL[,SEL]",
            callback=commas,
        ),
    ] = None
    not_accounts: Annotated[
        list[str] | None,
        flag("--not-accounts", "Leave these accounts out.", metavar="SEL[,SEL]", callback=commas),
    ] = None
    regions: Annotated[
        list[str] | None,
        flag("--regions", "Only these Regions of what manifests ask for.", metavar="R[,R]", callback=commas),
    ] = None
    skip_invalid: Annotated[
        bool,
        flag("--skip-invalid", "Go on without invalid rows (exit 3)."),
    ] = False


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Execution:
    """How a command goes about its work, and with which files."""

    results: Annotated[
        Path | None,
        flag("--results", "A line per profile: .csv, .jsonl or .xlsx.", metavar="FILE"),
    ] = None
    results_columns: Annotated[
        bool,
        flag("--results-columns", "Results keep the manifests' own columns, as they do for workbooks."),
    ] = False
    failed: Annotated[
        Path | None,
        flag("--failed", "Rows that failed, as a manifest: .csv or .jsonl.", metavar="FILE"),
    ] = None
    csv_cells: Annotated[
        Cells | None,
        flag(
            "--csv-cells",
            "Cells of CSV files: safe ones, which no spreadsheet runs (default of --results), or raw ones, the very "
            "values (default of manifests).",
        ),
    ] = None
    failure_tolerance: Annotated[
        str | None,
        flag("--failure-tolerance", "Stop when more profiles fail (exit 4).", metavar="N|N%"),
    ] = None
    deadline: Annotated[
        str | None,
        flag(
            "--deadline",
            "Stop in time: after 2h, 90m or 30s, at 06:00, or at a date and time. The rest stays open (exit 3).",
            metavar="WHEN",
        ),
    ] = None
    max_targets_in_flight: Annotated[
        int | None,
        flag(
            "--max-targets-in-flight",
            "Accounts and Regions that are worked in at once (default: 50, or the config's).",
            metavar="N",
            min=1,
            max=1000,
        ),
    ] = None
    yes: Annotated[
        bool,
        flag("--yes", "Don't ask; needed without a terminal.", "-y"),
    ] = False
    config: Annotated[
        str | None,
        flag("--config", "Config file, or s3://bucket/key (default: bulkprof.toml).", metavar="FILE"),
    ] = None
    state_dir: Annotated[
        Path,
        flag("--state-dir", "Where runs are kept.", metavar="DIR"),
    ] = STATE_DIR
    sandbox: Annotated[
        bool,
        flag("--sandbox", "Work in a sandbox on this machine, not in AWS."),
    ] = False
    sandbox_latency: Annotated[
        float | None,
        flag("--sandbox-latency", "Milliseconds before each answer of the sandbox.", metavar="MS"),
    ] = None
    sandbox_rate: Annotated[
        float | None,
        flag(
            "--sandbox-rate",
            "Calls a second that the sandbox takes per account, Region and operation, then it throttles (default: 50).",
            metavar="N",
        ),
    ] = None
    sandbox_quota: Annotated[
        int | None,
        flag("--sandbox-quota", "Profiles that the sandbox takes per account and Region (default: 1000).", metavar="N"),
    ] = None
    sandbox_fault: Annotated[
        list[str] | None,
        flag(
            "--sandbox-fault",
            "What goes wrong in the sandbox, in a share of its calls: throttle=0.1,cut_after=0.05; without a share in "
            "all. A wrong name lists them.",
            metavar="NAME[=SHARE]",
            callback=commas,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Fleet:
    """What carries a run out, where that isn't this process alone."""

    engine: Annotated[
        Literal["dask", "none"] | None,
        flag("--engine", "Share the targets out to workers of dask; none works in this process."),
    ] = None
    scheduler: Annotated[
        str | None,
        flag(
            "--scheduler",
            "Dask's scheduler; without one, workers are started on this machine.",
            metavar="tcp://HOST:PORT",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Display:
    """What the lines look like that a command prints."""

    as_json: Annotated[
        bool,
        flag("--json", "One JSON object on stdout, everything else on stderr."),
    ] = False
    log_format: Annotated[
        LogFormat,
        flag("--log-format", "How lines on stderr look: for people or logs."),
    ] = LogFormat.TEXT
    no_color: Annotated[
        bool,
        flag("--no-color", "No colours (NO_COLOR works, too)."),
    ] = False


class Only:
    """Says which flags of a group a command has, where it hasn't all: `Annotated[Execution, Only("config")]`.

    The others keep their defaults.
    """

    def __init__(self, *names: str) -> None:
        """`names` are those of the group's fields."""
        self.names = names


Lines: TypeAlias = Annotated[Display, Only("log_format", "no_color")]
"""The flags of commands that have no `--json`."""
ConfigOnly: TypeAlias = Annotated[Execution, Only("config")]
"""The flag of commands that read the config, and neither know runs nor call AWS."""


def with_flags(command: Callable[..., T]) -> Callable[..., T]:
    """Return the command as typer has to see it: with a parameter for each flag of the groups that it takes."""
    groups: dict[str, tuple[Any, list[str]]] = {}
    parameters: list[Parameter] = []
    for parameter in signature(command).parameters.values():
        group = getattr(parameter.annotation, "__origin__", parameter.annotation)
        if is_dataclass(group):
            flags = _flags(parameter.annotation)
            parameters += flags
            groups[parameter.name] = (group, [each.name for each in flags])
        else:
            parameters.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))

    def spread(**given: Any) -> T:
        made = {name: group(**{each: given.pop(each) for each in flags}) for name, (group, flags) in groups.items()}
        return command(**given, **made)

    # Without the command's own annotations: typer would evaluate those, too.
    update_wrapper(spread, command, assigned=("__module__", "__name__", "__qualname__", "__doc__"))
    spread.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return spread


def _flags(annotation: Any) -> list[Parameter]:
    """Return a parameter for each flag of a group, or of those that `Only` names."""
    group = getattr(annotation, "__origin__", annotation)
    flags = {
        field.name: Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
        for field in fields(group)
    }
    only = [note for note in getattr(annotation, "__metadata__", ()) if isinstance(note, Only)]
    return [flags[name] for name in only[0].names] if only else [*flags.values()]
