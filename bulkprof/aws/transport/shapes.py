"""The shapes of AWS's responses, as far as bulkprof reads them, by service and operation.

Only types and what can't be done without are declared: AWS may add members, and its ARNs have forms that the service
model's patterns don't know. `responses` checks what arrives against these.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, NotRequired

from pydantic import AfterValidator, Field, StringConstraints

# pydantic takes that of `typing` from Python 3.12 on only.
from typing_extensions import TypedDict

from bulkprof.aws.operations import CostOperation, MetricOperation, OrganizationOperation, S3Operation, StsOperation
from bulkprof.aws.transport import money_shapes
from bulkprof.profiles.operations import Operation

Text = Annotated[str, StringConstraints(min_length=1)]
Arn = Annotated[str, StringConstraints(max_length=2048, pattern=r"^arn(?::[!-9;-~]*){4}:[!-~]+$")]
"""Six parts of printable characters, any of which but the last may be empty."""


class CreateInferenceProfileResponse(TypedDict):
    """CreateInferenceProfile."""

    inferenceProfileArn: Arn


class ProfileModel(TypedDict):
    """One of a profile's models."""

    modelArn: NotRequired[str | None]


class InferenceProfile(TypedDict):
    """GetInferenceProfile, and each profile of a list."""

    inferenceProfileArn: Arn
    inferenceProfileId: Text
    inferenceProfileName: str
    description: NotRequired[str | None]
    models: NotRequired[list[ProfileModel] | None]


class ListInferenceProfilesResponse(TypedDict):
    """ListInferenceProfiles."""

    inferenceProfileSummaries: list[InferenceProfile]
    nextToken: NotRequired[str | None]


class Tag(TypedDict):
    """A tag as Bedrock writes it."""

    key: str
    value: str


class ListTagsForResourceResponse(TypedDict):
    """ListTagsForResource."""

    tags: NotRequired[list[Tag] | None]


class TaggingApiTag(TypedDict):
    """A tag as the tagging API writes it."""

    Key: str
    Value: str


class ResourceTagMapping(TypedDict):
    """A resource with its tags."""

    ResourceARN: Arn
    Tags: NotRequired[list[TaggingApiTag] | None]


class GetResourcesResponse(TypedDict):
    """GetResources."""

    ResourceTagMappingList: list[ResourceTagMapping]
    PaginationToken: NotRequired[str | None]


class ModelLifecycle(TypedDict):
    """Until when a model is offered."""

    status: NotRequired[str | None]
    endOfLifeTime: NotRequired[str | None]


class FoundationModelSummary(TypedDict):
    """A model of the list."""

    modelId: Text
    modelArn: Arn
    inferenceTypesSupported: NotRequired[list[str] | None]
    modelLifecycle: NotRequired[ModelLifecycle | None]


class ListFoundationModelsResponse(TypedDict):
    """ListFoundationModels."""

    modelSummaries: list[FoundationModelSummary]


class ServiceQuota(TypedDict):
    """A quota."""

    Value: Annotated[float, Field(ge=0, le=1e9)]


class GetServiceQuotaResponse(TypedDict):
    """GetServiceQuota."""

    Quota: ServiceQuota


class Account(TypedDict):
    """An account of the organization."""

    Id: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
    State: NotRequired[str | None]
    Status: NotRequired[str | None]


def _with_status(account: Account) -> Account:
    # `State` replaces `Status`, which AWS is about to drop.
    if not (account.get("State") or account.get("Status")):
        raise ValueError("neither State nor Status")
    return account


class ListAccountsResponse(TypedDict):
    """ListAccounts and ListAccountsForParent."""

    Accounts: list[Annotated[Account, AfterValidator(_with_status)]]
    NextToken: NotRequired[str | None]


class OrganizationalUnit(TypedDict):
    """A unit of the organization."""

    Id: Text
    Name: NotRequired[str | None]


class ListOrganizationalUnitsResponse(TypedDict):
    """ListOrganizationalUnitsForParent."""

    OrganizationalUnits: list[OrganizationalUnit]
    NextToken: NotRequired[str | None]


class AccountTag(TypedDict):
    """A tag of an account."""

    Key: str
    Value: NotRequired[str | None]


class ListAccountTagsResponse(TypedDict):
    """The organization's ListTagsForResource."""

    Tags: list[AccountTag]
    NextToken: NotRequired[str | None]


class GetCallerIdentityResponse(TypedDict):
    """GetCallerIdentity."""

    Account: Text
    Arn: Annotated[str, StringConstraints(pattern=r"^arn:[^:\s]+:[^:\s]+:[^:\s]*:[^:\s]*:\S+$")]


class RoleCredentials(TypedDict):
    """A role's keys."""

    AccessKeyId: Text
    SecretAccessKey: Text
    SessionToken: Text
    Expiration: datetime


class AssumeRoleResponse(TypedDict):
    """AssumeRole."""

    Credentials: RoleCredentials


class GetObjectResponse(TypedDict):
    """GetObject, without the body."""

    ETag: Text
    LastModified: datetime
    ContentLength: NotRequired[Annotated[int, Field(ge=0)] | None]
    VersionId: NotRequired[str | None]


class PutObjectResponse(TypedDict):
    """PutObject."""

    ETag: Text


class ObjectSummary(TypedDict):
    """An object of a list."""

    Key: Text
    Size: Annotated[int, Field(ge=0)]
    ETag: NotRequired[str | None]
    LastModified: NotRequired[datetime | None]


class ListObjectsResponse(TypedDict):
    """ListObjectsV2. Without `IsTruncated`, which all have, a page of XHTML would pass as an empty list."""

    IsTruncated: bool
    Contents: NotRequired[list[ObjectSummary] | None]
    NextContinuationToken: NotRequired[str | None]


class EmptyResponse(TypedDict):
    """An operation whose response has no members."""


SHAPES: Final[Mapping[tuple[str, str], Any]] = {
    ("bedrock", Operation.CREATE): CreateInferenceProfileResponse,
    ("bedrock", Operation.DELETE): EmptyResponse,
    ("bedrock", Operation.GET): InferenceProfile,
    ("bedrock", Operation.MODELS): ListFoundationModelsResponse,
    ("bedrock", Operation.LIST): ListInferenceProfilesResponse,
    ("bedrock", Operation.TAGS_OF): ListTagsForResourceResponse,
    ("bedrock", Operation.TAG): EmptyResponse,
    ("bedrock", Operation.UNTAG): EmptyResponse,
    ("ce", CostOperation.TAGS.api_name): money_shapes.ListCostAllocationTagsResponse,
    ("ce", CostOperation.ACTIVATE.api_name): money_shapes.UpdateCostAllocationTagsStatusResponse,
    ("ce", CostOperation.BACKFILL.api_name): money_shapes.StartCostAllocationTagBackfillResponse,
    ("cloudwatch", MetricOperation.DATA.api_name): money_shapes.GetMetricDataResponse,
    ("cloudwatch", MetricOperation.NAMES.api_name): money_shapes.ListMetricsResponse,
    ("organizations", OrganizationOperation.ACCOUNTS.api_name): ListAccountsResponse,
    ("organizations", OrganizationOperation.ACCOUNTS_OF.api_name): ListAccountsResponse,
    ("organizations", OrganizationOperation.UNITS_OF.api_name): ListOrganizationalUnitsResponse,
    ("organizations", OrganizationOperation.TAGS_OF.api_name): ListAccountTagsResponse,
    ("resourcegroupstaggingapi", Operation.TAGGED): GetResourcesResponse,
    ("s3", S3Operation.GET): GetObjectResponse,
    ("s3", S3Operation.LIST): ListObjectsResponse,
    ("s3", S3Operation.PUT): PutObjectResponse,
    ("service-quotas", Operation.QUOTA): GetServiceQuotaResponse,
    ("sts", StsOperation.ASSUME_ROLE): AssumeRoleResponse,
    ("sts", StsOperation.CALLER_IDENTITY): GetCallerIdentityResponse,
}
"""By the SDK's name of the service, and AWS's of the operation. Of any other, only that it is an object is known."""
