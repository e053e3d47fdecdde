"""CloudWatch's metrics of Bedrock in one target. Each method is one HTTP call and raises only `AwsError`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date
from enum import StrEnum
from typing import Any, Final, NamedTuple

from bulkprof.aws.errors.mapping import aws_errors
from bulkprof.aws.operations import MetricOperation
from bulkprof.aws.service import ServiceApi
from bulkprof.aws.transport.responses import checked
from bulkprof.errors import AccessDeniedError, AmbiguousError
from bulkprof.money.usage import Period

NAMESPACE: Final = "AWS/Bedrock"
DIMENSION: Final = "ModelId"
MOST_QUERIES: Final = 500
"""Queries that one call may have."""
MOST_DATAPOINTS: Final = 100_800
"""Values that one response may have."""
_DAY_S: Final = 86_400
_UNREAD: Final = "InternalError"
_REMEDY: Final = "allow it in the role of each account: bulkprof iam-policy --usage prints what is needed"


class Metric(StrEnum):
    """The metrics that are read, by CloudWatch's names."""

    INVOCATIONS = "Invocations"
    INPUT_TOKENS = "InputTokenCount"
    OUTPUT_TOKENS = "OutputTokenCount"
    THROTTLES = "InvocationThrottles"


class Query(NamedTuple):
    """What is asked for: a metric of what CloudWatch calls a model."""

    metric: Metric
    model: str


class Datapoint(NamedTuple):
    """One query's sum of one day."""

    query: int
    """The place of the query among those that were asked."""
    day: date
    value: float


def queries_a_call(period: Period) -> int:
    """Return how many queries fit into a call without its values being more than one response takes."""
    return min(MOST_QUERIES, MOST_DATAPOINTS // period.days)


class CloudWatchApi:
    """The calls. Made of `AwsSessions.service("cloudwatch", target)`."""

    def __init__(self, service: ServiceApi) -> None:
        self._service = service

    async def models_page(self, next_token: str | None = None) -> tuple[list[str], str | None]:
        """Return what was invoked in the last two weeks, by CloudWatch's names, and the next page's token or None."""
        page = {"NextToken": next_token} if next_token else {}
        response = await self._call(
            MetricOperation.NAMES, Namespace=NAMESPACE, MetricName=Metric.INVOCATIONS.value, **page
        )
        dimensions = [each.get("Dimensions") or [] for each in response["Metrics"]]
        # Others are the same calls again, by the size of images and the like.
        found = [each[0]["Value"] for each in dimensions if [one["Name"] for one in each] == [DIMENSION]]
        return found, response.get("NextToken") or None

    async def data_page(
        self, queries: Sequence[Query], period: Period, next_token: str | None = None
    ) -> tuple[list[Datapoint], str | None]:
        """Return the daily sums of at most `queries_a_call` queries, and the token of the next page or None."""
        page = {"NextToken": next_token} if next_token else {}
        response = await self._call(
            MetricOperation.DATA,
            MetricDataQueries=[_query(number, query) for number, query in enumerate(queries)],
            StartTime=period.start,
            EndTime=period.end,
            **page,
        )
        found = []
        for result in response["MetricDataResults"]:
            if result.get("StatusCode") == _UNREAD:
                raise AmbiguousError(
                    "CloudWatch couldn't read all metrics",
                    code=_UNREAD,
                    operation=MetricOperation.DATA.api_name,
                    where=self._service.where,
                )
            number = int(result["Id"].removeprefix("q"))
            days = zip(result.get("Timestamps") or (), result.get("Values") or (), strict=True)
            # Days are UTC's; by some of CloudWatch's protocols, the SDK answers in this machine's time zone.
            found += [Datapoint(number, moment.astimezone(UTC).date(), value) for moment, value in days]
        return found, response.get("NextToken") or None

    async def _call(self, operation: MetricOperation, **values: Any) -> Mapping[str, Any]:
        try:
            response = await self._service.call(operation.api_name, values)
            with aws_errors(operation.api_name, self._service.where):
                return checked("cloudwatch", operation.api_name, response)
        except AccessDeniedError as error:
            message = f"{error.message.rstrip('.')}; {_REMEDY}"
            raise AccessDeniedError(
                message, code=error.code, operation=operation.api_name, where=self._service.where
            ) from None


def _query(number: int, query: Query) -> dict[str, Any]:
    metric = {
        "Namespace": NAMESPACE,
        "MetricName": query.metric.value,
        "Dimensions": [{"Name": DIMENSION, "Value": query.model}],
    }
    return {"Id": f"q{number}", "MetricStat": {"Metric": metric, "Period": _DAY_S, "Stat": "Sum"}}
