"""Where shares come home: their rows into the run's file, their warnings to the user, their rates to the next run."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bulkprof.manifests.workbooks.places import located
from bulkprof.model import Target
from bulkprof.pacing.rates import RateStore
from bulkprof.store.run import RunFile
from bulkprof.store.shares.carried import Phase
from bulkprof.store.shares.home import Homecoming
from bulkprof.workflows.fleet.carrying import keep_rates
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.seen import Seen


@dataclass
class Arrivals:
    """Takes the shares of a run in, and adds up what was seen there."""

    work: Workspace
    run: RunFile
    seen: Seen = field(default_factory=Seen)
    """What all shares saw together whose targets were planned."""
    _learned: dict[str, bytes] = field(default_factory=dict)
    """The rates that were learned in each share, packed: there may be as many of them as targets."""

    async def take(self, path: Path) -> Homecoming:
        """Take a share in. Raises `StateError` for a file that can't be used, or isn't a share of this run."""
        home = await self.run.off_loop(partial(self.run.bring_home, path))
        self._learned[home.share.key] = zlib.compress(json.dumps(home.details.learned).encode())
        if home.share.phase is Phase.PLAN:
            self._tell(home)
            if home.details.seen:
                self.seen.add(Seen.from_json(home.details.seen))
        return home

    def _tell(self, home: Homecoming) -> None:
        """Tell what was found while targets were planned. Workers of an engine have no user."""
        ui = self.work.ui
        for account, region, message in home.details.seen.get("warnings", ()):
            ui.warn_of(Target(account, region), message) if account else ui.warn(message)
        sheets = self.run.details().sheets
        for problem in home.problems:
            ui.problem(located(problem, sheets))
        if home.problems:
            ui.problems_end()

    def keep_rates(self) -> None:
        """Keep the rates that were learned in shares, for the next run: blocks."""
        if problem := keep_rates(
            RateStore(self.work.state.path), (json.loads(zlib.decompress(packed)) for packed in self._learned.values())
        ):
            self.work.ui.warn(problem)
