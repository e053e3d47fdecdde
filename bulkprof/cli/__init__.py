"""The command line: flags, prompts, exit codes; nothing else."""

from __future__ import annotations

import gc
import sys
from types import TracebackType

from bulkprof.cli import early


def main() -> None:
    """Run the command line and exit with its code."""
    early.watch()
    # Imports and runs make many objects and few cycles: looking for them as often as by default costs a twentieth.
    gc.set_threshold(20_000, 20, 20)
    sys.excepthook = _show_mistake
    from bulkprof.cli.app import register, run

    register(*sys.argv[1:2])
    early.hand_over()
    code = run(sys.argv[1:])
    early.ends()
    # All that is left ends with the process: to look for garbage in it once more, as Python does then, helps nobody.
    gc.freeze()
    sys.exit(code)


def _show_mistake(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print the traceback of a mistake of bulkprof's own: its message may hold anything, so it is made printable."""
    import traceback

    from bulkprof.printable import printable_lines

    lines = "".join(traceback.format_exception(kind, error, trace)).splitlines()
    sys.stderr.write(printable_lines(lines) + "\n")
