"""A plan in numbers, for whoever decides about it; the actions themselves stay in the run's file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bulkprof.errors import UsageError
from bulkprof.execution.runfile import RunFile
from bulkprof.model import Action, ActionKind


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do."""

    run_id: str
    path: Path | None
    """The file that holds it: `apply` takes it as its manifest. None where it wasn't kept."""
    desired: int
    """Profiles that the manifests want."""
    targets: int
    """Accounts and Regions that it is about."""
    actions: Mapping[ActionKind, int]
    """How many of each kind; refused ones are not among them."""
    refused: int
    """Actions that can't be done, such as all of an account that can't be entered. Each says why."""
    invalid: int
    """Manifest rows that were left out because of their problems."""

    @property
    def has_changes(self) -> bool:
        """Whether carrying it out would change anything."""
        return any(count for kind, count in self.actions.items() if kind is not ActionKind.NONE)

    @property
    def in_order(self) -> bool:
        """Whether no row is refused or invalid."""
        return not self.refused and not self.invalid

    def changes(self) -> Iterator[Action]:
        """What would change or is refused, one by one, read from the file as you go. Blocks.

        Raises `UsageError` where the plan wasn't kept.
        """
        if self.path is None:
            raise UsageError(f"plan {self.run_id} was not kept; name a file for it: plan(..., out=Path('plan.db'))")
        with RunFile.look_at(self.path) as run:
            yield from run.changes()

    def unkept(self) -> Plan:
        """The numbers of a plan whose file is about to go."""
        return replace(self, path=None)

    def as_json(self) -> dict[str, Any]:
        """The numbers as JSON-ready values, every kind of action named."""
        return {
            "run_id": self.run_id,
            "command": "plan",
            "desired": self.desired,
            "deletions": self.actions.get(ActionKind.DELETE, 0),
            "actions": {str(kind): self.actions.get(kind, 0) for kind in ActionKind},
            "refused": self.refused,
            "invalid": self.invalid,
        }


def plan_of(run: RunFile) -> Plan:
    """The plan that a run's file holds. Blocks."""
    totals = dict.fromkeys(ActionKind, 0)
    for of_target in run.plan_counts().values():
        for kind, count in of_target.items():
            totals[kind] += count
    return Plan(
        run_id=str(run.meta("id")),
        path=run.path,
        desired=run.action_counts()[0],
        targets=len(run.targets()),
        actions=totals,
        refused=run.refused_count(),
        invalid=run.invalid_count(),
    )
