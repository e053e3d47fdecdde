"""Learned rates, kept in the state directory between runs, so that the next night starts warm.

A lost or damaged file costs a few throttles and nothing else: it never fails a run, and is told, not swallowed.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from bulkprof.model import Target
from bulkprof.pacing.learned import LearnedRate
from bulkprof.pacing.siblings import Consensus, Lesson, Siblings
from bulkprof.system.private import FOLDER_MODE

FILE: Final = "rates.json"
STALE: Final = 30 * 86400.0
"""Seconds after which a learned rate is forgotten."""
_Rates: TypeAlias = dict[tuple[str, str], dict[str, LearnedRate]]
"""Learned rates by account and Region, then by operation."""


class RateStore:
    """The learned rates of one state directory, and what siblings teach; `clock` gives epoch seconds."""

    def __init__(self, directory: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = directory / FILE
        self._clock = clock
        self._known: _Rates = {}
        self._taken: _Rates = {}
        self._siblings = Siblings()

    def load(self) -> str | None:
        """Read the file; what was wrong with it, in words, or None. With nothing to read, every pacer starts cold."""
        self._known, problem = self._read()
        self._siblings = Siblings()
        for (_, region), operation, rate in _each(self._known):
            if rate.told is not None:
                self._siblings.add(region, operation, *rate.told)
        return problem

    def rate(self, account: str, region: str, operation: str) -> LearnedRate | None:
        """What is known about this operation in this target, by earlier runs or by `take`."""
        return self._known.get((account, region), {}).get(operation)

    def lesson(self, account: str, region: str, operation: str) -> Lesson:
        """What siblings know about an operation, for a target that tells them in turn."""
        own = self.rate(account, region, operation)
        return Lesson(self._siblings, region, operation, own.told if own else None)

    def siblings(self, region: str, operation: str) -> Consensus | None:
        """What targets in this Region agree on about an operation, or else those of all Regions."""
        return self._siblings.consensus(region, operation)

    def of(self, targets: Iterable[Target], *, siblings: bool = True) -> dict[str, Any]:
        """The learned rates of `targets` as JSON has them, for `take` in another process.

        With `siblings` also what all targets have learned together, for those among `targets` without a rate of their
        own. It is left out on the way home, where those targets are counted already.
        """
        places = {(target.account, target.region) for target in targets}
        rates = {place: self._known[place] for place in sorted(places) if place in self._known}
        data: dict[str, Any] = {"rates": _as_json(rates)}
        if siblings:
            data["siblings"] = self._siblings.exported({region for _, region in places})
        return data

    def take(self, data: Any) -> str | None:
        """Know what `of` returned in another process; the next `save` keeps it. What was wrong, in words, or None.

        Of two rates of one operation, the newer stays.
        """
        if not isinstance(data, dict) or not isinstance(rates := data.get("rates", {}), dict):
            return "learned rates that were brought along can't be read: not a JSON object of rates"
        taken, damaged = self._rates_in(rates)
        problem = f"{damaged} of {len(rates)} learned rates that were brought along are damaged" if damaged else None
        siblings = data.get("siblings")
        if siblings is not None:
            try:
                self._siblings.take(siblings)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                problem = f"what siblings learned, as it was brought along, can't be read: {error!r}"
        for place, operation, rate in _each(taken):
            if (known := self.rate(*place, operation)) is not None and known.at > rate.at:
                continue
            if siblings is None:  # else it is counted among them already
                self.lesson(*place, operation).tell(rate.told)
            for rates_by_place in (self._taken, self._known):
                rates_by_place.setdefault(place, {})[operation] = rate
        return problem

    def save(self, rates: Mapping[tuple[str, str, str], LearnedRate]) -> str | None:
        """Merge `rates`, by (account, Region, operation), into the file; what was wrong, in words, or None.

        Other runs may have written since: of two rates of one operation, the newer stays.
        """
        new = [((account, region), operation, rate) for (account, region, operation), rate in rates.items()]
        for place, operation, rate in new:
            self._known.setdefault(place, {})[operation] = rate
        return self._merge([*_each(self._taken), *new])

    def take_in(self, text: bytes, where: str) -> str | None:
        """Merge what other machines have learned into the file; `where` names what the text is of."""
        known, problem = self._understood(text, where)
        return (self._merge(_each(known)) if known else None) or problem

    def text(self) -> bytes:
        """Return the file as it is, for other machines; without rates where it can't be read."""
        try:
            return self.path.read_bytes()
        except OSError:
            return b"{}\n"

    def _merge(self, new: Iterable[tuple[tuple[str, str], str, LearnedRate]]) -> str | None:
        merged, problem = self._read()
        for place, operation, rate in new:
            of_place = merged.setdefault(place, {})
            other = of_place.get(operation)
            if other is None or rate.at >= other.at:
                of_place[operation] = rate
        text = json.dumps(dict(sorted(_as_json(merged).items())), indent=1)
        try:
            self._write(text + "\n")
        except OSError as error:
            return f"{self.path}: learned rates weren't kept: {error.strerror or error}"
        return problem

    def _read(self) -> tuple[_Rates, str | None]:
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return {}, None
        except OSError as error:
            return {}, f"{self.path}: learned rates can't be read, starting cold: {error}"
        return self._understood(text, str(self.path))

    def _understood(self, text: bytes, where: str) -> tuple[_Rates, str | None]:
        """Return the rates in the text of a file, and what is wrong with it, in words, or None."""
        try:
            content = json.loads(text.decode())
        except (ValueError, RecursionError) as error:
            return {}, f"{where}: learned rates can't be read, starting cold: {error}"
        if not isinstance(content, dict):
            return {}, f"{where}: learned rates can't be read, starting cold: not a JSON object"
        known, damaged = self._rates_in(content)
        return known, f"{where}: {damaged} of {len(content)} learned rates are damaged" if damaged else None

    def _rates_in(self, content: Mapping[str, Any]) -> tuple[_Rates, int]:
        """The usable rates of a JSON object, without stale ones, and how many are damaged."""
        now = self._clock()
        rates: _Rates = {}
        damaged = 0
        for key, value in content.items():
            account, _, rest = key.partition("/")
            region, _, operation = rest.partition("/")
            if not operation or (rate := LearnedRate.from_json(value)) is None:
                damaged += 1
            elif rate.at >= now - STALE:
                # One from a clock that was ahead must not pass for the newest for years.
                rates.setdefault((account, region), {})[operation] = replace(rate, at=min(now, rate.at))
        return rates, damaged

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


def _each(rates: _Rates) -> Iterator[tuple[tuple[str, str], str, LearnedRate]]:
    for place, of_place in rates.items():
        for operation, rate in of_place.items():
            yield place, operation, rate


def _as_json(rates: _Rates) -> dict[str, dict[str, Any]]:
    return {f"{account}/{region}/{operation}": rate.as_json() for (account, region), operation, rate in _each(rates)}
