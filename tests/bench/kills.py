"""`kill -9` at random moments, in the long form: how many runs survived it with every row made exactly once."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.bench.table import Line
from tests.faults.long_kill import kill_everywhere


def bench(*, kills: int = 20) -> Iterator[Line]:
    """Kills processes over all worlds of the kill suite in turn; raises where a row isn't there exactly once."""
    rows, done = kill_everywhere(kills, tell=lambda line: print(line, file=sys.stderr))
    yield Line(f"rows made exactly once, over {done} kills", rows, "rows", rows, "rows wanted")
