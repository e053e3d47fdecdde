"""AWS's names of the operations that the sandbox serves itself, by service."""

from __future__ import annotations

from enum import StrEnum


class BedrockOperation(StrEnum):
    """Amazon Bedrock."""

    CREATE = "CreateInferenceProfile"
    DELETE = "DeleteInferenceProfile"
    GET = "GetInferenceProfile"
    LIST = "ListInferenceProfiles"
    TAG = "TagResource"
    UNTAG = "UntagResource"
    LIST_TAGS = "ListTagsForResource"
    LIST_MODELS = "ListFoundationModels"
    GET_MODEL = "GetFoundationModel"


class TaggingOperation(StrEnum):
    """The Resource Groups Tagging API."""

    GET = "GetResources"
    TAG = "TagResources"
    UNTAG = "UntagResources"


class QuotaOperation(StrEnum):
    """Service Quotas."""

    GET = "GetServiceQuota"
    GET_DEFAULT = "GetAWSDefaultServiceQuota"
    LIST = "ListServiceQuotas"
    LIST_DEFAULT = "ListAWSDefaultServiceQuotas"


class CostOperation(StrEnum):
    """Cost Explorer: the operations on cost allocation tags."""

    LIST = "ListCostAllocationTags"
    UPDATE = "UpdateCostAllocationTagsStatus"
    BACKFILL = "StartCostAllocationTagBackfill"


class StsOperation(StrEnum):
    """STS."""

    ASSUME_ROLE = "AssumeRole"
    CALLER_IDENTITY = "GetCallerIdentity"


class OrganizationOperation(StrEnum):
    """AWS Organizations: the operations that read an organization."""

    DESCRIBE = "DescribeOrganization"
    LIST_ROOTS = "ListRoots"
    LIST_ACCOUNTS = "ListAccounts"
    LIST_ACCOUNTS_FOR_PARENT = "ListAccountsForParent"
    LIST_UNITS_FOR_PARENT = "ListOrganizationalUnitsForParent"
    LIST_PARENTS = "ListParents"
    LIST_TAGS = "ListTagsForResource"
    DESCRIBE_ACCOUNT = "DescribeAccount"
    DESCRIBE_UNIT = "DescribeOrganizationalUnit"
