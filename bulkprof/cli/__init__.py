"""The command line: flags, prompts, exit codes; nothing else."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from bulkprof.cli.app import run

    sys.exit(run(sys.argv[1:]))
