"""Responses of Cost Explorer and CloudWatch that aren't as usual: broken, unread, in pages, denied."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, cast

import pytest

from bulkprof.aws.money.cloudwatch import CloudWatchApi, Datapoint, Metric, Query
from bulkprof.aws.money.cost_explorer import CostExplorerApi
from bulkprof.aws.service import ServiceApi
from bulkprof.errors import AccessDeniedError, AmbiguousError
from bulkprof.money.cost_tags import Refusal
from bulkprof.money.usage import Period

PERIOD = Period.until(date(2026, 3, 2), 2)
QUERIES = [Query(Metric.INVOCATIONS, "abcdefghijkl")]


class Service:
    """Returns one response to each call, or raises it."""

    where = "111122223333/us-east-1"

    def __init__(self, response: Mapping[str, Any] | Exception) -> None:
        self._response = response
        self.sent: list[Mapping[str, Any]] = []

    async def call(self, _operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        self.sent.append(arguments)
        if isinstance(self._response, Exception):
            raise self._response
        return self._response


def metrics(response: Mapping[str, Any] | Exception) -> CloudWatchApi:
    return CloudWatchApi(cast("ServiceApi", Service(response)))


def costs(response: Mapping[str, Any] | Exception, payer_role: str | None = None) -> CostExplorerApi:
    return CostExplorerApi(cast("ServiceApi", Service(response)), payer_role)


async def test_daily_values_and_the_next_page() -> None:
    days = [datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)]
    result = {"Id": "q0", "Timestamps": days, "Values": [2.0, 1.0], "StatusCode": "PartialData"}
    found = await metrics({"MetricDataResults": [result], "NextToken": "more"}).data_page(QUERIES, PERIOD)
    assert found == ([Datapoint(0, date(2026, 3, 2), 2.0), Datapoint(0, date(2026, 3, 1), 1.0)], "more")


@pytest.mark.parametrize("hours", [-8, 9])
async def test_days_are_those_of_utc(hours: int) -> None:
    moment = datetime(2026, 3, 2, tzinfo=UTC).astimezone(timezone(timedelta(hours=hours)))
    result = {"Id": "q0", "Timestamps": [moment], "Values": [2.0], "StatusCode": "Complete"}
    found, _ = await metrics({"MetricDataResults": [result]}).data_page(QUERIES, PERIOD)
    assert found == [Datapoint(0, date(2026, 3, 2), 2.0)]


async def test_what_cloudwatch_could_not_read_is_asked_for_again() -> None:
    api = metrics({"MetricDataResults": [{"Id": "q0", "StatusCode": "InternalError"}]})
    with pytest.raises(AmbiguousError, match="GetMetricData: InternalError: CloudWatch couldn't read all metrics"):
        await api.data_page(QUERIES, PERIOD)


async def test_only_metrics_of_a_model_alone_are_listed() -> None:
    model = {"Name": "ModelId", "Value": "amazon.nova-canvas-v1:0"}
    listed = [{"Dimensions": [model]}, {"Dimensions": [model, {"Name": "ImageSize", "Value": "1024"}]}, {}]
    assert await metrics({"Metrics": listed}).models_page() == (["amazon.nova-canvas-v1:0"], None)


@pytest.mark.parametrize("response", [{}, {"MetricDataResults": [{"Values": [1.0]}]}, {"MetricDataResults": "none"}])
async def test_metrics_of_another_shape(response: Mapping[str, Any]) -> None:
    with pytest.raises(AmbiguousError, match="AWS reports success, but with"):
        await metrics(response).data_page(QUERIES, PERIOD)


@pytest.mark.parametrize("response", [{}, {"CostAllocationTags": [{"TagKey": "Team", "Status": "Maybe"}]}])
async def test_tags_of_another_shape(response: Mapping[str, Any]) -> None:
    with pytest.raises(AmbiguousError, match="AWS reports success, but with"):
        await costs(response).tags_page(["Team"])


async def test_a_refusal_may_have_no_reason() -> None:
    assert await costs({"Errors": [{"TagKey": "Team"}]}).activate(["Team"]) == [
        Refusal("Team", "", "no reason is given")
    ]
    assert await costs({}).activate(["Team"]) == []


@pytest.mark.parametrize(
    ("message", "payer_role", "said"),
    [
        ("Linked account doesn't have access.", None, "Only the payer (management) account can: set `payer_role`"),
        ("Linked account doesn't have access.", "arn", "has to be a role of the payer account, which 111122223333"),
        ("You may not.", None, "You may not. Allow ce:ListCostAllocationTags: bulkprof iam-policy --cost-tags"),
    ],
)
async def test_a_denied_call_says_what_to_do(message: str, payer_role: str | None, said: str) -> None:
    api = costs(AccessDeniedError(message, code="AccessDeniedException"), payer_role)
    with pytest.raises(AccessDeniedError) as caught:
        await api.tags_page(["Team"])
    assert said in str(caught.value)
