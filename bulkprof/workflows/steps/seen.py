"""What planning sees and counts: enough for caps, warnings and notes, and little enough to travel.

Counts of different targets add up, wherever these were looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Any

from bulkprof import errors as every_error
from bulkprof.errors import AwsError
from bulkprof.model import ObservedProfile, Target
from bulkprof.planning.caps import Capped

UNWANTED_KEPT = 100
"""Profiles that pruning would delete, and that the run's file names where nothing deletes them."""


@dataclass(slots=True)
class Seen:
    """What was seen in some targets."""

    owned: Counter[str] = field(default_factory=Counter)
    """Profiles that exist and carry the estate's ownership tag, by account."""
    capped: dict[Capped, Counter[str]] = field(default_factory=lambda: {kind: Counter() for kind in Capped})
    """The changes that the caps are about, by account."""
    errors: dict[Target, AwsError] = field(default_factory=dict)
    """The targets that couldn't be observed."""
    unreachable: int = 0
    """The desired profiles of those targets."""
    models: dict[str, str] = field(default_factory=dict)
    """The foundation model behind each system profile that is wanted, by id."""
    routes: dict[str, list[str]] = field(default_factory=dict)
    """The ARNs of the models that each of them routes to, by Region and id."""
    left: int = 0
    """Profiles of the estate that no manifest wants, where nothing deletes them."""
    left_first: list[tuple[str, ...]] = field(default_factory=list)
    """The first of them: account, Region, name, ARN."""

    def take_left(self, target: Target, left: Sequence[ObservedProfile]) -> None:
        """Count what pruning would delete in a target, and keep the first few of all."""
        self._add_left(len(left), ((target.account, target.region, each.name, each.arn) for each in left))

    def add(self, other: Seen) -> None:
        """Add what was seen in other targets."""
        self.owned.update(other.owned)
        for kind, counts in other.capped.items():
            self.capped[kind].update(counts)
        self.errors.update(other.errors)
        self.unreachable += other.unreachable
        self.models.update(other.models)
        self.routes.update(other.routes)
        self._add_left(other.left, iter(other.left_first))

    def _add_left(self, count: int, found: Iterator[tuple[str, ...]]) -> None:
        self.left += count
        self.left_first = nsmallest(UNWANTED_KEPT, [*self.left_first, *found])

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        return {
            "owned": dict(self.owned),
            "capped": {str(kind): dict(counts) for kind, counts in self.capped.items()},
            "errors": [[*_place(target), _error_json(error)] for target, error in self.errors.items()],
            "unreachable": self.unreachable,
            "models": self.models,
            "routes": self.routes,
            "left": self.left,
            "left_first": [list(each) for each in self.left_first],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Seen:
        """Return what `as_json` returned, of this version of bulkprof."""
        return cls(
            owned=Counter(values["owned"]),
            capped={kind: Counter(values["capped"].get(str(kind), {})) for kind in Capped},
            errors={Target(account, region): _error_of(error) for account, region, error in values["errors"]},
            unreachable=values["unreachable"],
            models=dict(values["models"]),
            routes=dict(values["routes"]),
            left=values["left"],
            left_first=[tuple(each) for each in values["left_first"]],
        )


def _place(target: Target) -> tuple[str, str]:
    return target.account, target.region


def _error_json(error: AwsError) -> dict[str, Any]:
    return {
        "class": type(error).__name__,
        "message": error.message,
        "code": error.code,
        "operation": error.operation,
        "where": error.where,
    }


def _error_of(values: Mapping[str, Any]) -> AwsError:
    kind = getattr(every_error, values["class"], AwsError)
    found: AwsError = kind(values["message"], code=values["code"], operation=values["operation"], where=values["where"])
    return found
