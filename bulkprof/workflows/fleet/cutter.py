"""Cuts shares out of a run, one after the other, so that no more of them lie about than are at work."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bulkprof.model import Target
from bulkprof.pacing.rates import RateStore
from bulkprof.statuses import RunStatus
from bulkprof.store.details import RunDetails
from bulkprof.store.history.recent import RecentRuns
from bulkprof.store.run import RunFile
from bulkprof.store.shares.carried import Carried, Phase
from bulkprof.workflows.fleet.carrying import recent_json, settings_json
from bulkprof.workflows.steps.context import Workspace


@dataclass(kw_only=True)
class Cutter:
    """Cuts the shares of one cut; blocks, so it is used through `run.off_loop`."""

    work: Workspace
    run: RunFile
    phase: Phase
    of: int
    """How many shares there will be."""
    recent: RecentRuns
    rates: RateStore
    """What is known of rates, loaded."""
    again: bool | None = None
    whole: bool = True
    token_seed: str = ""
    """What tokens follow from, where that isn't the run's own seed."""
    cut_id: str = field(default_factory=lambda: secrets.token_hex(6))

    def cut(self, index: int, targets: Sequence[Target], path: Path) -> None:
        """Write the share of this number, from 1 on, with everything of `targets`. Raises `StateError`."""
        details = self.run.details()
        share = Carried(
            plan=details.id,
            cut=self.cut_id,
            index=index,
            of=self.of,
            phase=self.phase,
            settings=settings_json(self.work.settings),
            rates=self.rates.of(targets),
            recent=recent_json(self.recent, targets),
            whole=self.whole,
            again=self.again,
        )
        self.run.cut(
            path,
            RunDetails(
                id=details.id,
                status=RunStatus.PLANNING if self.phase is Phase.PLAN else RunStatus.PLANNED,
                command=details.command,
                estate=details.estate,
                started_at=details.started_at,
                replace=details.replace,
                prune=details.prune,
                sandbox=details.sandbox,
                token_seed=self.token_seed or self.run.token_seed,
                knows_lost=details.knows_lost,
                share=share.model_dump(mode="json", exclude_defaults=True),
            ),
            targets,
        )
