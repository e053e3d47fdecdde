"""AWS's names of the operations beside those of profiles (`bulkprof.profiles.operations`).

They are of STS, Organizations, S3, Cost Explorer and CloudWatch.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from bulkprof.profiles.operations import Operation


class StsOperation(StrEnum):
    """The operations of STS that lead into accounts."""

    ASSUME_ROLE = "AssumeRole"
    CALLER_IDENTITY = "GetCallerIdentity"


class OrganizationOperation(StrEnum):
    """The operations, named as in policies: Bedrock has a `ListTagsForResource` too, which is counted by itself."""

    ACCOUNTS = "organizations:ListAccounts"
    ACCOUNTS_OF = "organizations:ListAccountsForParent"
    UNITS_OF = "organizations:ListOrganizationalUnitsForParent"
    TAGS_OF = "organizations:ListTagsForResource"

    @property
    def api_name(self) -> str:
        """The name in the service's API, without the service."""
        return self.partition(":")[2]


class S3Operation(StrEnum):
    """The operations on locks and manifests in S3."""

    GET = "GetObject"
    PUT = "PutObject"
    DELETE = "DeleteObject"
    LIST = "ListObjectsV2"


class CostOperation(StrEnum):
    """The operations of Cost Explorer on cost allocation tags, named as in policies."""

    TAGS = "ce:ListCostAllocationTags"
    ACTIVATE = "ce:UpdateCostAllocationTagsStatus"
    BACKFILL = "ce:StartCostAllocationTagBackfill"

    @property
    def api_name(self) -> str:
        """The name in the service's API, without the service."""
        return self.partition(":")[2]


class MetricOperation(StrEnum):
    """The operations of CloudWatch that read metrics, named as in policies."""

    DATA = "cloudwatch:GetMetricData"
    NAMES = "cloudwatch:ListMetrics"

    @property
    def api_name(self) -> str:
        """The name in the service's API, without the service."""
        return self.partition(":")[2]


_SERVICES: Final[Mapping[str, str]] = {
    **dict.fromkeys(Operation, "Bedrock"),
    Operation.TAGGED: "Resource Groups Tagging API",
    Operation.QUOTA: "Service Quotas",
    **dict.fromkeys(StsOperation, "STS"),
}
"""AWS's names of the services, by operation."""
_PREFIXES: Final[Mapping[str, str]] = {
    "organizations": "Organizations",
    "ce": "Cost Explorer",
    "cloudwatch": "CloudWatch",
}
"""The same by what stands before the colon in other operations' names."""


def api_name(operation: str) -> tuple[str, str]:
    """Return AWS's names of the service and of the operation, for an operation as runs count it."""
    prefix, _, name = operation.rpartition(":")
    return _SERVICES.get(operation) or _PREFIXES.get(prefix, prefix), name
