"""The flags that commands share, each with its environment variable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

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
FailureTolerance: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--failure-tolerance",
        metavar="N|N%",
        envvar="BULKPROF_FAILURE_TOLERANCE",
        help="Stop when more profiles fail (exit 4).",
    ),
]
SkipInvalid: TypeAlias = Annotated[
    bool,
    typer.Option("--skip-invalid", envvar="BULKPROF_SKIP_INVALID", help="Go on without invalid rows (exit 3)."),
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
