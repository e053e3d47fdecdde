"""Learned rates, kept in the state directory between runs, so that the next night starts warm.

A lost or damaged file costs a few throttles and nothing else: it never fails a run, and is told, not swallowed.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from bulkprof.pacing.pacer import LearnedRate
from bulkprof.system.private import FOLDER_MODE

FILE: Final = "rates.json"
STALE: Final = 30 * 86400.0
"""Seconds after which a learned rate is forgotten."""


class RateStore:
    """The file of learned rates in one state directory; `clock` gives epoch seconds."""

    def __init__(self, directory: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = directory / FILE
        self._clock = clock
        self._known: dict[str, LearnedRate] = {}

    def load(self) -> str | None:
        """Read the file; what was wrong with it, in words, or None. With nothing to read, every pacer starts cold."""
        self._known, problem = self._read()
        return problem

    def rate(self, account: str, region: str, operation: str) -> LearnedRate | None:
        """What was known about this operation when the file was loaded."""
        return self._known.get(_key(account, region, operation))

    def save(self, rates: Mapping[tuple[str, str, str], LearnedRate]) -> str | None:
        """Merge `rates`, by (account, Region, operation), into the file; what was wrong, in words, or None.

        Other runs may have written since: of two rates of one operation, the newer stays.
        """
        return self._merge({_key(*place): rate for place, rate in rates.items()})

    def take_in(self, text: bytes, where: str) -> str | None:
        """Merge what other machines have learned into the file; `where` names what the text is of."""
        known, problem = self._understood(text, where)
        return (self._merge(known) if known else None) or problem

    def text(self) -> bytes:
        """Return the file as it is, for other machines; without rates where it can't be read."""
        try:
            return self.path.read_bytes()
        except OSError:
            return b"{}\n"

    def _merge(self, rates: Mapping[str, LearnedRate]) -> str | None:
        merged, problem = self._read()
        for key, rate in rates.items():
            other = merged.get(key)
            if other is None or rate.at >= other.at:
                merged[key] = rate
        text = json.dumps({key: asdict(rate) for key, rate in sorted(merged.items())}, indent=1)
        try:
            self._write(text + "\n")
        except OSError as error:
            return f"{self.path}: learned rates weren't kept: {error.strerror or error}"
        return problem

    def _read(self) -> tuple[dict[str, LearnedRate], str | None]:
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return {}, None
        except OSError as error:
            return {}, f"{self.path}: learned rates can't be read, starting cold: {error}"
        return self._understood(text, str(self.path))

    def _understood(self, text: bytes, where: str) -> tuple[dict[str, LearnedRate], str | None]:
        """Return the rates in the text of a file, and what is wrong with it, in words, or None."""
        try:
            content = json.loads(text.decode())
        except (ValueError, RecursionError) as error:
            return {}, f"{where}: learned rates can't be read, starting cold: {error}"
        if not isinstance(content, dict):
            return {}, f"{where}: learned rates can't be read, starting cold: not a JSON object"
        oldest = self._clock() - STALE
        known: dict[str, LearnedRate] = {}
        damaged = 0
        for key, value in content.items():
            rate = _rate_of(value)
            if rate is None:
                damaged += 1
            elif rate.at >= oldest:
                known[key] = rate
        return known, f"{where}: {damaged} of {len(content)} learned rates are damaged" if damaged else None

    def _write(self, text: str) -> None:
        self.path.parent.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        # Renaming within one directory is atomic: a reader sees the old file or the new one, never half of it. What
        # `mkstemp` makes is the user's alone.
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{FILE}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(self.path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


_ANY_NUMBER = 1e18
"""Rates, bursts and epoch seconds are far less; infinity isn't, and NaN is less than nothing."""


def _key(account: str, region: str, operation: str) -> str:
    return f"{account}/{region}/{operation}"


def _rate_of(value: Any) -> LearnedRate | None:
    """The rate that a JSON value holds; None for one that isn't usable."""
    if not isinstance(value, dict):
        return None
    numbers = [value.get(field) for field in ("per_second", "burst", "at")]
    if not all(isinstance(number, int | float) and abs(number) < _ANY_NUMBER for number in numbers):
        return None
    rate = LearnedRate(*(float(number) for number in numbers if number is not None))
    return rate if rate.per_second > 0.0 and rate.burst >= 0.0 else None
