"""The shapes of the responses of Cost Explorer and CloudWatch, as far as bulkprof reads them; `shapes` lists them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, NotRequired

from pydantic import StringConstraints

# pydantic takes that of `typing` from Python 3.12 on only.
from typing_extensions import TypedDict


class CostAllocationTag(TypedDict):
    """A tag key that billing has seen."""

    TagKey: str
    Status: Literal["Active", "Inactive"]
    LastUsedDate: NotRequired[str | None]


class ListCostAllocationTagsResponse(TypedDict):
    """ListCostAllocationTags."""

    CostAllocationTags: list[CostAllocationTag]
    NextToken: NotRequired[str | None]


class CostTagError(TypedDict):
    """Why a key stays as it is."""

    TagKey: str
    Code: NotRequired[str | None]
    Message: NotRequired[str | None]


class UpdateCostAllocationTagsStatusResponse(TypedDict):
    """UpdateCostAllocationTagsStatus."""

    Errors: NotRequired[list[CostTagError] | None]


class BackfillRequest(TypedDict):
    """A backfill that was asked for."""

    BackfillFrom: Annotated[str, StringConstraints(min_length=10)]
    BackfillStatus: NotRequired[str | None]


class StartCostAllocationTagBackfillResponse(TypedDict):
    """StartCostAllocationTagBackfill."""

    BackfillRequest: BackfillRequest


class MetricDataResult(TypedDict):
    """The values of one query."""

    Id: str
    Timestamps: NotRequired[list[datetime] | None]
    Values: NotRequired[list[float] | None]
    StatusCode: NotRequired[str | None]


class GetMetricDataResponse(TypedDict):
    """GetMetricData."""

    MetricDataResults: list[MetricDataResult]
    NextToken: NotRequired[str | None]


class Dimension(TypedDict):
    """What a metric is about."""

    Name: str
    Value: str


class Metric(TypedDict):
    """A metric that has data."""

    Dimensions: NotRequired[list[Dimension] | None]


class ListMetricsResponse(TypedDict):
    """ListMetrics."""

    Metrics: list[Metric]
    NextToken: NotRequired[str | None]
