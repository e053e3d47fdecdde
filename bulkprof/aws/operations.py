"""AWS's names of the operations beside those of profiles (`bulkprof.profiles.operations`).

They are of STS, Organizations, S3, Cost Explorer and CloudWatch.
"""

from __future__ import annotations

from enum import StrEnum


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
