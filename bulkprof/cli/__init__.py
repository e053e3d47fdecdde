"""The command line: flags, prompts, exit codes; nothing else."""

from __future__ import annotations

import gc
import sys

from bulkprof.cli import early


def main() -> None:
    """Run the command line and exit with its code."""
    early.watch()
    # Imports and runs make many objects and few cycles: looking for them as often as by default costs a twentieth.
    gc.set_threshold(20_000, 20, 20)
    from bulkprof.cli.app import register, run

    register(*sys.argv[1:2])
    early.hand_over()
    code = run(sys.argv[1:])
    early.ends()
    # All that is left ends with the process: to look for garbage in it once more, as Python does then, helps nobody.
    gc.freeze()
    sys.exit(code)
