"""CloudWatch's metrics of Bedrock: made-up ones, which are put into moto when they are first asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bulkprof.sandbox.services.moto_bridge import MotoBridge
from bulkprof.sandbox.settings import SandboxSettings
from bulkprof.sandbox.state.profile import Profile
from bulkprof.sandbox.state.store import ProfileStore
from bulkprof.sandbox.usage import UsageRow, demo_rows

NAMESPACE: Final = "AWS/Bedrock"


class Metrics:
    """Puts rows of use into moto, each once, as soon as the profile that it names is there."""

    def __init__(self, settings: SandboxSettings, store: ProfileStore, moto: MotoBridge) -> None:
        self._settings = settings
        self._store = store
        self._moto = moto
        self._rows: list[UsageRow] = [] if settings.usage == "demo" else list(settings.usage)
        self._shown: set[str] = set()
        """The ids of profiles whose use in a demo is put in."""

    def add(self, rows: Iterable[UsageRow]) -> None:
        """Add to what is used."""
        self._rows += rows

    def left(self) -> list[dict[str, Any]]:
        """Return the rows that aren't in moto yet, as JSON-ready values."""
        return [dataclasses.asdict(row) for row in self._rows]

    def due(self, account: str, region: str) -> list[dict[str, Any]]:
        """Return what isn't in moto yet of a target, as CloudWatch takes it."""
        profiles = list(self._store.listed(account, region, lag_s=0))
        found, left = [], []
        for row in (*self._rows, *self._of_demo(profiles)):
            name = self._name(row, profiles)
            if (row.account or self._settings.default_account, row.region) == (account, region) and name:
                found += self._data(row, name)
            else:
                left.append(row)
        self._rows = left
        return found

    def put(self, account: str, region: str, data: list[dict[str, Any]]) -> None:
        """Put it into moto. Blocks."""
        if data:
            self._moto.put_metrics(account, region, NAMESPACE, data)

    def _of_demo(self, profiles: Iterable[Profile]) -> Iterator[UsageRow]:
        if self._settings.usage != "demo":
            return
        for each in profiles:
            if each.id not in self._shown:
                self._shown.add(each.id)
                source = each.source.rpartition("/")[2]
                yield from demo_rows(each.id, each.account, each.region, source, self._settings.seed)

    def _name(self, row: UsageRow, profiles: Iterable[Profile]) -> str:
        """Return what CloudWatch calls it; empty while there is no such profile."""
        by_arn = self._store.hypotheses.metrics_by == "arn"
        for each in profiles:
            if row.model in {each.name, each.id, each.arn}:
                return each.arn if by_arn else each.id
        # All ids of models have dots in them, and names of profiles have none.
        return row.model if "." in row.model else ""

    def _data(self, row: UsageRow, name: str) -> list[dict[str, Any]]:
        today = datetime.fromtimestamp(self._store.now(), UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        # moto compares with what it reads from calls, which is UTC without saying so.
        day = today.replace(tzinfo=None) - timedelta(days=row.days_ago)
        dimensions = [{"Name": "ModelId", "Value": name}]
        return [
            {
                "MetricName": metric,
                "Value": value,
                "Timestamp": day,
                "Dimensions": dimensions,
            }
            for metric, value in row.metrics().items()
        ]
