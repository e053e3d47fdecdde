"""The command line: flags, prompts, exit codes; nothing else."""

from __future__ import annotations

import gc
import sys

from bulkprof.cli import early
from bulkprof.errors import ExitCode


def main() -> None:
    """Run the command line and exit with its code."""
    early.watch()
    # Imports and runs make many objects and few cycles: to look for these as often as by default costs a twentieth.
    gc.set_threshold(20_000, 20, 20)
    from bulkprof.cli.streams import Streams

    streams = Streams()
    from bulkprof.cli.app import command_in, is_debug, register, run, terminal_for
    from bulkprof.cli.foreign_lines import take_over

    arguments = sys.argv[1:]
    take_over(lambda: terminal_for(arguments), debug=is_debug(arguments))
    register(command_in(arguments))
    early.hand_over()
    code = run(arguments)
    if lost := streams.lost():
        terminal_for(arguments).error(f"standard output can't be written: {lost}; what was done is done")
        code = code or ExitCode.COULD_NOT_RUN
    early.ends()
    # All that is left ends with the process: to look for garbage in it once more, as Python does then, takes time only.
    gc.freeze()
    sys.exit(code)
