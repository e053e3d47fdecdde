"""The use case `usage`: how much each profile of the estate is used, and what is invoked past profiles.

It asks AWS which profiles there are, and CloudWatch what was invoked, target by target.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from operator import itemgetter
from pathlib import Path

import anyio
import anyio.to_thread

from bulkprof.aws.money.cloudwatch import CloudWatchApi, Datapoint, Metric, Query, queries_a_call
from bulkprof.aws.operations import MetricOperation
from bulkprof.errors import AwsError, ExitCode, KeysNotAwaitedError, RunInterruptedError, StateError, unwrapped
from bulkprof.manifests.writer import Spool, write_manifest
from bulkprof.model import EMPTY, ObservedProfile, Target
from bulkprof.money.usage import Days, PastUse, Period, ProfileUse, Usage, apart, model_named, use_of
from bulkprof.pages import Send, whole_list
from bulkprof.planning.diff import owner
from bulkprof.planning.export_rows import Exporter
from bulkprof.planning.observe import gathered, observe
from bulkprof.stop import Stop, StopRequestedError
from bulkprof.store.history.usage import keep_usage
from bulkprof.ui import Ui
from bulkprof.workflows.options import Options
from bulkprof.workflows.steps.connect import connect, wait_for_lists
from bulkprof.workflows.steps.connection import Connection
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.resolve import Walk, chosen_targets


@dataclass(slots=True)
class UsageFound:
    """What was used, and what isn't among it."""

    usage: Usage
    targets: int = 0
    foreign: int = 0
    """Profiles of other estates, or of none."""
    unused_written: int = 0
    """Rows of the manifest of unused profiles."""
    unused_left_out: int = 0
    """Unused profiles that no row could be written for."""
    unreachable: dict[Target, AwsError] = field(default_factory=dict)
    """The targets that couldn't be read."""

    @property
    def exit_code(self) -> ExitCode:
        """Whether it is all there is."""
        return ExitCode.ROWS_FAILED if self.unreachable or self.unused_left_out else ExitCode.DONE


async def usage(
    period: Period,
    options: Options | None = None,
    ui: Ui | None = None,
    stop: Stop | None = None,
    *,
    unused: Path | None = None,
) -> UsageFound:
    """Return what was used in `period`, in the accounts and Regions of the options.

    By default those are where a row goes that names none. `unused` is a .csv or .jsonl file that gets the profiles
    that weren't used at all, as a manifest. When no target can be read, its error is raised.
    """
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    found = UsageFound(Usage(period))
    try:
        with unwrapped(), Spool() as spool:
            async with connect(work) as connection:
                _, targets = await chosen_targets(work, connection, "look at")
                found.targets = len(targets)
                await wait_for_lists(work)
                reader = _Reader(work, connection, found, spool, write=unused is not None)
                await Walk(work, connection, reader.read, found.unreachable).over(targets)
            if unused is not None:
                safe = work.options.csv_cells == "safe"
                await anyio.to_thread.run_sync(partial(write_manifest, unused, spool.rows, safe=safe))
    except (StopRequestedError, KeysNotAwaitedError):
        raise RunInterruptedError("", code=work.stop.exit_code, reason=work.stop.reason) from None
    found.usage.sort()
    at, read = datetime.now(UTC).isoformat(timespec="seconds"), found.targets - len(found.unreachable)
    keep = partial(keep_usage, work.state, work.settings.estate, found.usage, read, at=at, sandbox=work.options.sandbox)
    try:
        await anyio.to_thread.run_sync(keep)
    except StateError as error:
        work.ui.warn(f"the next report won't show this: {error}")
    return found


@dataclass(slots=True)
class _Reader:
    """Reads a target's profiles and metrics."""

    work: Workspace
    connection: Connection
    found: UsageFound
    spool: Spool
    write: bool
    """Whether the rows of unused profiles are wanted."""
    disk: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(1))
    """The spool is one file: one thread at a time."""

    async def read(self, target: Target) -> None:
        """Add what is used there. Raises `AwsError`."""
        rules = self.connection.rules
        async with self.connection.open(target) as opened:
            observed = await observe(opened.api, opened.lane.call)
            own = [profile for profile in observed if owner(profile, rules) == rules.estate]
            async with self.connection.sessions.service("cloudwatch", target) as service:
                metrics = _Metrics(CloudWatchApi(service), opened.lane.call, self.found.usage.period)
                series = await metrics.read(own)
        used = [self._used(target, profile, series) for profile in own]
        self.found.foreign += len(observed) - len(own)
        self.found.usage.profiles += used
        self.found.usage.past += _past(target, series)
        if self.write:
            unused = [
                profile
                for profile, use in zip(own, used, strict=True)
                # The name of one that was replaced is its successor's.
                if use.use.is_none and not use.retiring
            ]
            await self._keep(target, unused)

    def _used(self, target: Target, profile: ObservedProfile, series: Mapping[Query, Days]) -> ProfileUse:
        tags = profile.tags or EMPTY
        names = apart({name: series.get(Query(Metric.INVOCATIONS, name), {}) for name in _names(profile)})
        throttled = apart({name: series.get(Query(Metric.THROTTLES, name), {}) for name in _names(profile)})
        use = use_of(
            [series[Query(Metric.INVOCATIONS, name)] for name in names],
            [series.get(Query(Metric.INPUT_TOKENS, name), {}) for name in names],
            [series.get(Query(Metric.OUTPUT_TOKENS, name), {}) for name in names],
            [series[Query(Metric.THROTTLES, name)] for name in throttled],
        )
        retiring = self.connection.rules.retirement.marks(tags)
        return ProfileUse(profile.name, profile.arn, target.account, target.region, tags, use, retiring)

    async def _keep(self, target: Target, unused: Sequence[ObservedProfile]) -> None:
        catalogue = self.connection.catalogue(target.region)
        export = Exporter(self.work.settings, estate_only=True).export(target, unused, catalogue)
        await anyio.to_thread.run_sync(self.spool.add, target, export.rows, limiter=self.disk)
        self.found.unused_written += len(export.rows)
        self.found.unused_left_out += export.left_out
        for problem in export.problems:
            self.work.ui.problem(problem)
        self.work.ui.problems_end()


@dataclass(frozen=True, slots=True)
class _Metrics:
    """Reads the metrics of one target."""

    api: CloudWatchApi
    call: Send
    period: Period

    async def read(self, profiles: Sequence[ObservedProfile]) -> dict[Query, Days]:
        """Return the series that have values: of the profiles, and of models that were invoked without one."""
        names = [name for profile in profiles for name in _names(profile)]
        listed: list[str] = await whole_list(self.call, MetricOperation.NAMES, self.api.models_page, str)
        models = sorted(filter(model_named, listed))
        queries = [Query(metric, name) for name in names for metric in (Metric.INVOCATIONS, Metric.THROTTLES)]
        found = await self._series([*queries, *(Query(Metric.INVOCATIONS, model) for model in models)])
        # Most profiles are asked for by a name that they don't go by, and some aren't used.
        used = [name for name in names if Query(Metric.INVOCATIONS, name) in found]
        tokens = [Query(metric, name) for name in used for metric in (Metric.INPUT_TOKENS, Metric.OUTPUT_TOKENS)]
        return found | await self._series(tokens)

    async def _series(self, queries: Sequence[Query]) -> dict[Query, Days]:
        size = queries_a_call(self.period)
        parts = [queries[start : start + size] for start in range(0, len(queries), size)]
        answers = await gathered([partial(self._data, part) for part in parts])
        found: dict[Query, dict[date, float]] = defaultdict(dict)
        for part, points in zip(parts, answers, strict=True):
            for point in points:
                found[part[point.query]][point.day] = point.value
        return dict(found)

    async def _data(self, queries: Sequence[Query]) -> list[Datapoint]:
        async def page_after(token: str | None) -> tuple[list[Datapoint], str | None]:
            return await self.api.data_page(queries, self.period, token)

        return await whole_list(self.call, MetricOperation.DATA, page_after, itemgetter(0, 1))


def _names(profile: ObservedProfile) -> tuple[str, str]:
    """Return what CloudWatch may call a profile: AWS doesn't document which."""
    return profile.arn.rpartition("/")[2], profile.arn


def _past(target: Target, series: Mapping[Query, Days]) -> list[PastUse]:
    counts: dict[str, int] = defaultdict(int)
    for query, days in series.items():
        if query.metric is Metric.INVOCATIONS and (model := model_named(query.model)):
            counts[model] += round(sum(days.values()))
    return [PastUse(target.account, target.region, model, count) for model, count in counts.items() if count]
