"""What is told of a run in S3 beside its file, and how a state directory asks for such runs."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Warn = Callable[[str], None]

MOST_FETCHED: Final = 30
"""Runs that one walk through the past fetches: an estate's whole past may be gigabytes."""
_KEY: Final = "run"
_LONGEST: Final = 1800
"""Characters of an object's metadata, of the 2,048 that S3 takes."""


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run in S3, in short: kept as the metadata of its object, so that a list of runs fetches none."""

    status: str
    command: str = ""
    started_at: str = ""
    estate: str = ""
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """How many ended as what, where it came to its end."""
    sinks_missing: tuple[str, ...] = ()
    lost: bool = False
    """Whether it knows of names that are without a profile."""
    writer: str = ""
    """Which process wrote it."""

    def to_metadata(self) -> dict[str, str]:
        """Return it as the metadata of an object, which are short and of ASCII."""
        values = asdict(self)
        text = json.dumps(values, separators=(",", ":"))
        while len(text) > _LONGEST and len(values["sinks_missing"]) > 1:
            values["sinks_missing"] = values["sinks_missing"][:-1]
            text = json.dumps(values, separators=(",", ":"))
        return {_KEY: text}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> KeptRun | None:
        """Return the run that an object's metadata tell of; None where they don't."""
        from pydantic import ValidationError

        try:
            found: KeptRun = _adapter().validate_json(metadata.get(_KEY, ""))
        except ValidationError:
            return None
        return found


@functools.cache
def _adapter() -> TypeAdapter[KeptRun]:
    from pydantic import TypeAdapter

    return TypeAdapter(KeptRun)


class Remote(Protocol):
    """The runs of one estate in S3. All methods block, and none of them raises: what is wrong is told, once."""

    estate: str

    def ages(self) -> Mapping[str, float]:
        """Return all runs' ids there, each with the seconds since it was written, by the clock of S3."""
        ...

    def is_newer(self, run_id: str, path: Path) -> bool:
        """Return whether what is there isn't in the file `path` yet."""
        ...

    def fetch(self, run_id: str, path: Path) -> None:
        """Bring a run into the file `path`, where what is there isn't in it yet."""
        ...

    def about(self, run_ids: Collection[str]) -> Mapping[str, KeptRun]:
        """Return what is told of these runs, without those that tell nothing."""
        ...

    def forget(self, run_ids: Collection[str]) -> None:
        """Remove these runs, as far as they are there."""
        ...


def remove_run(run: Path) -> None:
    """Remove a run's file, with what lies beside it: SQLite's, and the mark."""
    run.unlink(missing_ok=True)
    remove_beside(run)


def remove_beside(run: Path) -> None:
    """Remove what lies beside a run's file: the mark first, without which it is fetched again."""
    for path in (mark_of(run), run.with_name(f"{run.name}-wal"), run.with_name(f"{run.name}-shm")):
        path.unlink(missing_ok=True)


def mark_of(run: Path) -> Path:
    """Return the file beside a run's that says which object in S3 it was the same as last."""
    return run.with_name(f"{run.name}-s3")
