"""Commands in processes of their own, with what they used: so neither servers nor the bench itself count."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BULKPROF = (sys.executable, "-m", "bulkprof")
_BYTECODE = tempfile.TemporaryDirectory(prefix="bulkprof-bench-") if sys.dont_write_bytecode else None
"""Compiled modules, as an installation has them, where the caller's environment says not to write them."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command used, with the processes that it started."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    """The most memory they had at once."""
    output: str


def environment(endpoint: str = "") -> dict[str, str]:
    """The process's environment with AWS's settings replaced by those of a local `endpoint`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BULKPROF_", "PYTHON"))}
    return kept | {
        "AWS_ENDPOINT_URL": endpoint or "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONPATH": str(ROOT),
        **({"PYTHONPYCACHEPREFIX": _BYTECODE.name} if _BYTECODE else {}),
    }


_LAUNCHER = """
import os, sys, threading, time

def together(process):
    tree, kB = [process], 0
    for process in tree:
        try:
            for thread in os.listdir(f"/proc/{process}/task"):
                with open(f"/proc/{process}/task/{thread}/children") as file:
                    tree += map(int, file.read().split())
            with open(f"/proc/{process}/smaps_rollup") as file:
                kB += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except OSError:
            continue  # it has ended, or this isn't Linux
    return kB if len(tree) > 1 else 0

def watch():
    while not ended.wait(0.1):
        peaks.append(together(process))

peaks, ended = [0], threading.Event()
started = time.perf_counter()
process = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
watcher = threading.Thread(target=watch)
watcher.start()
_, status, used = os.wait4(process, 0)
wall = time.perf_counter() - started
ended.set()
watcher.join()
with open(sys.argv[1], "w") as file:
    peak = max(used.ru_maxrss, *peaks)
    print(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, wall, peak, file=file)
"""
"""Starts the command and waits for it: Linux counts a process's peak from its parent's memory, so that one is tiny.

Processes that the command starts count with it, by their shares of what they share; they are looked at now and then.
"""


def measured(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> Usage:
    """Run `command` to its end. Raises `RuntimeError` with what it said unless it exits 0."""
    with (folder / "output.txt").open("w+") as output, (folder / "errors.txt").open("w+") as errors:
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, "usage.txt", *command]
        subprocess.run(launcher, cwd=folder, env=dict(env), stdout=output, stderr=errors, check=True)
        code, cpu, wall, peak = map(float, (folder / "usage.txt").read_text().split())
        output.seek(0)
        errors.seek(0)
        if code:
            said = (output.read() + errors.read())[-3000:]
            raise RuntimeError(f"{' '.join(command)} ended with {code:.0f}:\n{said}")
        # Linux counts in kB, macOS in bytes.
        return Usage(cpu, wall, peak / (1e6 if sys.platform == "darwin" else 1e3), output.read())
