"""AWS's names of the operations beside those of profiles (`bulkprof.profiles.operations`): STS, Organizations, S3."""

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
