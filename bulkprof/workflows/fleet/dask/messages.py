"""What a coordinator and its workers send each other: plain values, which every version of both can read."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version as version_of
from platform import python_version
from typing import TypedDict

from bulkprof._version import __version__

Counts = dict[str, int]
"""How many outcomes there are of each kind."""


class Call(TypedDict):
    """What a share is sent with."""

    run: str
    """The run's id."""
    channel: str
    """What the coordinator's metadata and the workers' reports are found by."""
    share: int
    phase: str
    lease_s: float
    versions: dict[str, str]
    """The coordinator's own."""
    again: bool
    """Whether a worker that was lost may have carried out part of it."""
    environment: dict[str, str] | None
    """The AWS settings of a sandbox; None where workers use their own."""


class Answer(TypedDict):
    """What comes back of a share."""

    worker: str
    attempt: str
    """As in the worker's reports."""
    data: bytes
    """The share's file; empty where nothing was begun."""
    refused: str
    """Why the worker doesn't work for this coordinator at all."""
    fault: str
    """What ended the share before its end."""


class Report(TypedDict):
    """What a worker says while it is at a share. Numbers are since its last report."""

    share: int
    attempt: str
    """Stands for one worker's try at the share."""
    steps: int
    """Targets that were observed."""
    outcomes: list[tuple[str, str, Counts]]
    """By account and Region."""
    told: list[tuple[str, str]]
    """Warnings and notes, each with what it is."""


def own_versions() -> dict[str, str]:
    """Return what has to be the same on both sides, by name."""
    return {
        "bulkprof": __version__,
        "Python": ".".join(python_version().split(".")[:2]),
        "distributed": version_of("distributed"),
    }


def differing(worker: str, theirs: Mapping[str, str | None], ours: Mapping[str, str]) -> str:
    """Return, for people, how a worker's versions differ from the coordinator's; empty where they don't."""
    for name, mine in ours.items():
        found = theirs.get(name)
        if not found:
            return f"worker {worker} has no {name}; install it there: pip install 'bulkprof[dask]=={ours['bulkprof']}'"
        if found != mine:
            return f"worker {worker} has {name} {found}, and this process has {mine}; both need the same"
    return ""
