"""The last figures of use of each estate, kept in the state directory, for reports."""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bulkprof.errors import StateError
from bulkprof.money.usage import Usage
from bulkprof.store.history.directory import StateDirectory

MOST = 10
"""Profiles and models that are kept by name: those that are used most."""


@dataclass(frozen=True, slots=True)
class KeptLine:
    """How much a profile or a model was used."""

    name: str
    place: str
    """Account and Region."""
    invocations: int
    last_used: str = ""


@dataclass(frozen=True, slots=True)
class KeptUsage:
    """What was used, in short."""

    at: str
    """When AWS was asked, UTC, ISO 8601."""
    sandbox: bool
    period: str
    targets: int
    profiles: int
    unused: int
    invocations: int
    past_invocations: int
    past_share: float
    most: tuple[KeptLine, ...]
    """The profiles that were used most."""
    past: tuple[KeptLine, ...]
    """The models that were invoked past profiles most."""


def keep_usage(state: StateDirectory, estate: str, usage: Usage, targets: int, *, at: str, sandbox: bool) -> None:
    """Keep the figures in the place of earlier ones. Blocks. Raises `StateError`."""
    kept = KeptUsage(
        at=at,
        sandbox=sandbox,
        period=str(usage.period),
        targets=targets,
        profiles=len(usage.profiles),
        unused=len(usage.unused),
        invocations=usage.total.invocations,
        past_invocations=usage.past_invocations,
        past_share=usage.past_share,
        most=tuple(
            KeptLine(each.name, f"{each.account}/{each.region}", each.use.invocations, str(each.use.last_used or ""))
            for each in usage.profiles[:MOST]
            if each.use.invocations
        ),
        past=tuple(
            KeptLine(each.model, f"{each.account}/{each.region}", each.invocations) for each in usage.past[:MOST]
        ),
    )
    state.prepare()
    path = _path(state, estate)
    try:
        # What `mkstemp` makes is the user's alone, and renaming lets no reader see half of it.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_adapter().dump_json(kept, indent=1))
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StateError(f"{path}: can't be written: {error.strerror or error}") from None


def kept_usage(state: StateDirectory, estate: str) -> KeptUsage | None:
    """Return the last figures of an estate; None where there are none. Blocks. Raises `StateError`."""
    path = _path(state, estate)
    try:
        found: KeptUsage = _adapter().validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"{path}: can't be read: {error.strerror or error}") from None
    except ValidationError:
        raise StateError(f"{path}: is damaged; `bulkprof usage` writes it anew") from None
    return found


def _path(state: StateDirectory, estate: str) -> Path:
    return state.path / f"usage-{hashlib.sha256(estate.encode()).hexdigest()[:16]}.json"


@functools.cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(KeptUsage)
