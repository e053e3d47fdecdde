"""A session with the installed bulkprof, in its sandbox: `python tools/smoke.py`, on any system.

It uses the `bulkprof` that lies beside the Python that runs it, in a folder of its own, and takes some seconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

SESSION: Final = (
    ("--version", 0),
    ("init", 0),
    ("validate profiles.csv", 0),
    ("plan profiles.csv --sandbox --out plan.db", 0),
    ("apply plan.db --sandbox --yes", 0),
    ("apply profiles.csv --sandbox --yes --json --results results.csv", 0),
    ("runs", 0),
    ("report --html report.html", 0),
    ("catalog --sandbox --format env", 0),
    ("export --sandbox --out exported.csv", 0),
    ("sync profiles.csv --sandbox --prune --yes", 0),
    ("apply missing.csv --sandbox --yes", 65),
)
"""Command lines of bulkprof, one after the other in one folder, each with its exit code."""


def main() -> int:
    """Run the session. Return 1 where a command ends with another exit code than it should, else 0."""
    program = Path(sys.executable).with_name("bulkprof.exe" if os.name == "nt" else "bulkprof")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BULKPROF_"))}
    with tempfile.TemporaryDirectory(prefix="bulkprof-smoke-") as folder:
        for line, expected in SESSION:
            done = subprocess.run(  # noqa: S603 - the lines above, no others
                [str(program), *line.split()],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
            print(f"$ bulkprof {line}  # exit {done.returncode}", flush=True)  # noqa: T201
            if done.returncode != expected:
                sys.stdout.buffer.write(done.stdout + done.stderr)
                print(f"expected exit {expected}")  # noqa: T201
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
