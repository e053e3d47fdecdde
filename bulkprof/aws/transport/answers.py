"""What the answers to each operation hold, as far as bulkprof reads them, and what is said of one that doesn't.

Everything that AWS answers comes through here before anybody looks at it: a captive portal, a proxy or a fault on the
way can put anything in an answer's place. Types and what can't be done without are asked for, nothing else: AWS may
add members, and its ARNs have forms that the service model's patterns don't know.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, NotRequired

from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter, ValidationError

# pydantic takes that of `typing` from Python 3.12 on only.
from typing_extensions import TypedDict

from bulkprof.aws.errors.sdk import ELSEWHERE
from bulkprof.errors import AmbiguousError
from bulkprof.model import Target

Text = Annotated[str, StringConstraints(min_length=1)]
Arn = Annotated[str, StringConstraints(max_length=2048, pattern=r"^arn(?::[!-9;-~]*){4}:[!-~]+$")]
"""Six parts of printable characters, any of which but the last may be empty."""


class Made(TypedDict):
    """CreateInferenceProfile."""

    inferenceProfileArn: Arn


class Model(TypedDict):
    """One of a profile's models."""

    modelArn: NotRequired[str | None]


class Profile(TypedDict):
    """GetInferenceProfile, and each profile of a list."""

    inferenceProfileArn: Arn
    inferenceProfileId: Text
    inferenceProfileName: str
    description: NotRequired[str | None]
    models: NotRequired[list[Model] | None]


class Profiles(TypedDict):
    """ListInferenceProfiles."""

    inferenceProfileSummaries: list[Profile]
    nextToken: NotRequired[str | None]


class Tag(TypedDict):
    """A tag as Bedrock writes it."""

    key: str
    value: str


class Tags(TypedDict):
    """ListTagsForResource."""

    tags: NotRequired[list[Tag] | None]


class IndexTag(TypedDict):
    """A tag as the tagging API writes it."""

    Key: str
    Value: str


class Tagged(TypedDict):
    """A resource with its tags."""

    ResourceARN: Arn
    Tags: NotRequired[list[IndexTag] | None]


class Index(TypedDict):
    """GetResources."""

    ResourceTagMappingList: list[Tagged]
    PaginationToken: NotRequired[str | None]


class Lifecycle(TypedDict):
    """How long a model will be there."""

    status: NotRequired[str | None]
    endOfLifeTime: NotRequired[str | None]


class FoundationModel(TypedDict):
    """A model of the list."""

    modelId: Text
    modelArn: Arn
    inferenceTypesSupported: NotRequired[list[str] | None]
    modelLifecycle: NotRequired[Lifecycle | None]


class Models(TypedDict):
    """ListFoundationModels."""

    modelSummaries: list[FoundationModel]


class QuotaValue(TypedDict):
    """A quota."""

    Value: Annotated[float, Field(ge=0, le=1e9)]


class Quota(TypedDict):
    """GetServiceQuota."""

    Quota: QuotaValue


class Account(TypedDict):
    """An account of the organization."""

    Id: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
    State: NotRequired[str | None]
    Status: NotRequired[str | None]


def _with_status(account: Account) -> Account:
    # `State` takes the place of `Status`, which AWS is about to drop.
    if not (account.get("State") or account.get("Status")):
        raise ValueError("neither State nor Status")
    return account


class Accounts(TypedDict):
    """ListAccounts and ListAccountsForParent."""

    Accounts: list[Annotated[Account, AfterValidator(_with_status)]]
    NextToken: NotRequired[str | None]


class Unit(TypedDict):
    """A unit of the organization."""

    Id: Text
    Name: NotRequired[str | None]


class Units(TypedDict):
    """ListOrganizationalUnitsForParent."""

    OrganizationalUnits: list[Unit]
    NextToken: NotRequired[str | None]


class AccountTag(TypedDict):
    """A tag of an account."""

    Key: str
    Value: NotRequired[str | None]


class AccountTags(TypedDict):
    """The organization's ListTagsForResource."""

    Tags: list[AccountTag]
    NextToken: NotRequired[str | None]


class Identity(TypedDict):
    """GetCallerIdentity."""

    Account: Text
    Arn: Annotated[str, StringConstraints(pattern=r"^arn:[^:\s]+:[^:\s]+:[^:\s]*:[^:\s]*:\S+$")]


class RoleKeys(TypedDict):
    """A role's keys."""

    AccessKeyId: Text
    SecretAccessKey: Text
    SessionToken: Text
    Expiration: datetime


class Assumed(TypedDict):
    """AssumeRole."""

    Credentials: RoleKeys


class Stored(TypedDict):
    """An object's GetObject, its body aside."""

    ETag: Text
    LastModified: datetime


class Written(TypedDict):
    """PutObject."""

    ETag: Text


class Listed(TypedDict):
    """An object of a list."""

    Key: Text
    Size: Annotated[int, Field(ge=0)]


class Objects(TypedDict):
    """ListObjectsV2. Without `IsTruncated`, which all have, a page of XHTML would be a list of nothing."""

    IsTruncated: bool
    Contents: NotRequired[list[Listed] | None]
    NextContinuationToken: NotRequired[str | None]


class Nothing(TypedDict):
    """An operation whose answer says nothing."""


# By service and operation. Of others it is known only that they answer an object.
_SHAPES: Final[Mapping[tuple[str, str], Any]] = {
    ("bedrock", "CreateInferenceProfile"): Made,
    ("bedrock", "DeleteInferenceProfile"): Nothing,
    ("bedrock", "GetInferenceProfile"): Profile,
    ("bedrock", "ListFoundationModels"): Models,
    ("bedrock", "ListInferenceProfiles"): Profiles,
    ("bedrock", "ListTagsForResource"): Tags,
    ("bedrock", "TagResource"): Nothing,
    ("bedrock", "UntagResource"): Nothing,
    ("organizations", "ListAccounts"): Accounts,
    ("organizations", "ListAccountsForParent"): Accounts,
    ("organizations", "ListOrganizationalUnitsForParent"): Units,
    ("organizations", "ListTagsForResource"): AccountTags,
    ("resourcegroupstaggingapi", "GetResources"): Index,
    ("s3", "GetObject"): Stored,
    ("s3", "ListObjectsV2"): Objects,
    ("s3", "PutObject"): Written,
    ("service-quotas", "GetServiceQuota"): Quota,
    ("sts", "AssumeRole"): Assumed,
    ("sts", "GetCallerIdentity"): Identity,
}
_ERROR_MEMBERS: Final = frozenset({"__type", "message", "Message", "code", "Code", "Error", "error"})
LONGEST: Final = 16 * 1024 * 1024
"""Bytes of an answer that are read: ten times what AWS fills its largest page with. Many may come at once."""


async def at_most(read: Callable[[], Awaitable[bytes]], limit: int) -> bytes:
    """Read pieces until the end or past `limit` bytes: the content is whole where it is no longer than that."""
    content = bytearray()
    while len(content) <= limit and (piece := await read()):
        content += piece
    return bytes(content)


def read(service: str, operation: str, body: bytes) -> dict[str, Any]:
    """Read the JSON of a success: the members that bulkprof knows, without those that are null.

    Raises `AmbiguousError` that says what is wrong where it isn't an answer to `operation`.
    """
    if not body and _SHAPES.get((service, operation), Nothing) is Nothing:
        return {}
    answer = _checked(_adapter(service, operation).validate_json, body, strict=True)
    # Where nothing that is known was found, it may be an error that came with the status of a success.
    if not answer and _ERROR_MEMBERS.intersection(json.loads(body)):
        raise _broken("an error's body")
    return answer


def checked(service: str, operation: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """The same of an answer that the SDK has parsed. Raises `AmbiguousError`."""
    return _checked(_adapter(service, operation).validate_python, answer)


def require_own_arn(arn: str, target: Target) -> str:
    """Answer `arn`, the ARN of a profile that was just made in `target`.

    Raises `AmbiguousError` for one of another kind of thing, Region or account: it says nothing of what was made.
    """
    found = _OWN.fullmatch(arn)
    if found is None or not (_agree(found[1], target.region) and _agree(found[2], target.account)):
        raise _broken(f"{arn!r} as the new profile's ARN")
    return arn


_OWN: Final = re.compile(r"arn:[^:]+:bedrock:([^:]*):([^:]*):application-inference-profile/[^/]+")


def require_same(arn: str, asked: str) -> str:
    """Answer `arn`, which an answer about the profile `asked` names. Raises `AmbiguousError` where it is another."""
    if arn != asked:
        raise _broken(f"another profile, {arn!r}")
    return arn


def _agree(answered: str, asked: str) -> bool:
    return not answered or not asked or answered == asked


@functools.cache
def _adapter(service: str, operation: str) -> TypeAdapter[Any]:
    return TypeAdapter(_SHAPES.get((service, operation), dict[str, Any]))


def _checked(validate: Callable[..., Any], answer: object, **how: bool) -> dict[str, Any]:
    try:
        found = validate(answer, **how)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, wrong["loc"]))
        if wrong["type"] == "missing":
            raise _broken(f"no {place}") from None
        if wrong["type"] == "json_invalid":
            raise _broken(f"an answer that is not JSON: {ELSEWHERE}") from None
        raise _broken(f"an answer of another shape ({place + ': ' if place else ''}{wrong['msg']})") from None
    return {name: value for name, value in found.items() if value is not None}


def _broken(what: str) -> AmbiguousError:
    return AmbiguousError(f"AWS reports success, but with {what}", code="BrokenAnswer")
