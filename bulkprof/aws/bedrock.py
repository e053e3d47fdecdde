"""The Bedrock calls of one target. Each method is exactly one HTTP call and raises only `AwsError`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from bulkprof.aws.credentials.keys import SharedCredentials
from bulkprof.aws.errors.mapping import aws_errors, is_nameless
from bulkprof.aws.transport.responses import require_own_arn, require_same
from bulkprof.errors import AmbiguousError, AwsError, ExpiredCredentialsError, ThrottledError
from bulkprof.model import ObservedProfile, Target
from bulkprof.profiles.catalogue import FoundationModel, SystemProfile
from bulkprof.profiles.operations import CHANGES, Operation
from bulkprof.profiles.quota import QUOTA_CODE, QUOTA_SERVICE

_LIST_PAGE = 1000
_TAGGED_PAGE = 100
_TAGGED_TYPE = "bedrock:application-inference-profile"

_METHODS: Mapping[Operation, tuple[str, str]] = {
    Operation.CREATE: ("bedrock", "create_inference_profile"),
    Operation.DELETE: ("bedrock", "delete_inference_profile"),
    Operation.GET: ("bedrock", "get_inference_profile"),
    Operation.LIST: ("bedrock", "list_inference_profiles"),
    Operation.TAG: ("bedrock", "tag_resource"),
    Operation.UNTAG: ("bedrock", "untag_resource"),
    Operation.TAGS_OF: ("bedrock", "list_tags_for_resource"),
    Operation.TAGGED: ("resourcegroupstaggingapi", "get_resources"),
    Operation.MODELS: ("bedrock", "list_foundation_models"),
    Operation.QUOTA: ("service-quotas", "get_service_quota"),
}


class Calls(Protocol):
    """The calls of one service in the target, such as `direct.SignedCalls`; `shapes` declares their responses."""

    async def call(self, method: str, **values: Any) -> Mapping[str, Any]:
        """Send the call that the SDK's client method `method` sends."""
        ...


OpenClient = Callable[[str], Awaitable[Calls]]
"""Opens the calls of a service in the target. They hold no connections of their own, so they need no closing."""


class BedrockApi:
    """One account in one Region. Made by `AwsSessions.bedrock()`.

    An `ExpiredCredentialsError` marks the keys that the call was signed with as stale, so that sending the same call
    again renews them first, once for all lanes of the account.
    """

    def __init__(self, target: Target, open_client: OpenClient, credentials: SharedCredentials) -> None:
        self.target = target
        self.where = str(target)
        self._open_client = open_client
        self._credentials = credentials
        self._opening = asyncio.Lock()
        self._clients: dict[str, Calls] = {}

    async def create(
        self, *, name: str, source_arn: str, description: str | None, tags: Mapping[str, str], token: str
    ) -> str:
        """Create a profile and return its ARN. `token` makes sending the same call again harmless.

        Raises `AmbiguousError` also for a success without its ARN, or with one of another account or Region.
        """
        response = await self._call(
            Operation.CREATE,
            inferenceProfileName=name,
            modelSource={"copyFrom": source_arn},
            clientRequestToken=token,
            **({"description": description} if description else {}),
            **({"tags": _as_list(tags)} if tags else {}),
        )
        with aws_errors(Operation.CREATE, self.where):
            return require_own_arn(response["inferenceProfileArn"], self.target)

    async def delete(self, arn: str) -> None:
        """Delete a profile. Raises `NotFoundError` if there is none."""
        await self._call(Operation.DELETE, inferenceProfileIdentifier=arn)

    async def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Set `tags`, leaving all others as they are."""
        await self._call(Operation.TAG, resourceARN=arn, tags=_as_list(tags))

    async def untag(self, arn: str, keys: Iterable[str]) -> None:
        """Remove the tags of `keys`; keys that aren't there are no error."""
        await self._call(Operation.UNTAG, resourceARN=arn, tagKeys=list(keys))

    async def get(self, arn: str) -> ObservedProfile:
        """Return one profile, without its tags. New ones may not be found for a while."""
        response = await self._call(Operation.GET, inferenceProfileIdentifier=arn)
        with aws_errors(Operation.GET, self.where):
            require_same(response["inferenceProfileArn"], arn)
        return _observed(response)

    async def list_page(self, next_token: str | None = None) -> tuple[list[ObservedProfile], str | None]:
        """Return up to 1,000 application profiles, without tags, and the token of the next page or None."""
        found, more = await self._list("APPLICATION", next_token)
        return [_observed(each) for each in found], more

    async def system_profiles_page(self, next_token: str | None = None) -> tuple[list[SystemProfile], str | None]:
        """Return up to 1,000 profiles that AWS defines, and the token of the next page or None."""
        found, more = await self._list("SYSTEM_DEFINED", next_token)
        return [
            SystemProfile(each["inferenceProfileId"], each["inferenceProfileArn"], _model_arns(each)) for each in found
        ], more

    async def tags_of(self, arn: str) -> dict[str, str]:
        """Return all tags of one profile, confirmed: not from an index that may lag."""
        response = await self._call(Operation.TAGS_OF, resourceARN=arn)
        return {tag["key"]: tag["value"] for tag in response.get("tags", ())}

    async def tagged_page(self, next_token: str | None = None) -> tuple[list[tuple[str, dict[str, str]]], str | None]:
        """Return up to 100 ARNs with their tags from the tagging API, and the token of the next page or None.

        It may lag behind, and profiles that never had a tag are missing.
        """
        response = await self._call(
            Operation.TAGGED,
            ResourceTypeFilters=[_TAGGED_TYPE],
            ResourcesPerPage=_TAGGED_PAGE,
            **({"PaginationToken": next_token} if next_token else {}),
        )
        found = [
            (each["ResourceARN"], {tag["Key"]: tag["Value"] for tag in each.get("Tags") or ()})
            for each in response["ResourceTagMappingList"]
        ]
        return found, response.get("PaginationToken") or None

    async def foundation_models(self) -> list[FoundationModel]:
        """Return all models that the Region offers."""
        response = await self._call(Operation.MODELS)
        return [
            FoundationModel(
                id=each["modelId"],
                arn=each["modelArn"],
                inference_types=frozenset(each.get("inferenceTypesSupported") or ()),
                legacy=(each.get("modelLifecycle") or {}).get("status") == "LEGACY",
                retires=str((each.get("modelLifecycle") or {}).get("endOfLifeTime") or ""),
            )
            for each in response["modelSummaries"]
        ]

    async def profile_quota(self) -> int:
        """Return the quota of application profiles here. Raises `NotFoundError` while AWS's default applies."""
        response = await self._call(Operation.QUOTA, ServiceCode=QUOTA_SERVICE, QuotaCode=QUOTA_CODE)
        return int(response["Quota"]["Value"])

    async def _list(self, kind: str, next_token: str | None) -> tuple[list[Any], str | None]:
        # Without typeEquals, AWS lists only the profiles that it defines.
        page = {"nextToken": next_token} if next_token else {}
        response = await self._call(Operation.LIST, typeEquals=kind, maxResults=_LIST_PAGE, **page)
        return response["inferenceProfileSummaries"], response.get("nextToken") or None

    async def _call(self, operation: Operation, **values: Any) -> Mapping[str, Any]:
        service, method = _METHODS[operation]
        signed_with = self._credentials.generation
        try:
            with aws_errors(operation, self.where):
                client = self._clients.get(service) or await self._open(service)
                return await client.call(method, **values)
        except ExpiredCredentialsError:
            self._credentials.expired(signed_with)
            raise
        except AwsError as error:
            if operation in CHANGES and is_nameless(error) and not isinstance(error, ThrottledError):
                # A proxy may have replaced AWS's response, so the change may have been made.
                raise AmbiguousError(
                    error.message, code=error.code, operation=error.operation, where=error.where
                ) from None
            raise

    async def _open(self, service: str) -> Calls:
        async with self._opening:
            if (client := self._clients.get(service)) is None:
                client = self._clients[service] = await self._open_client(service)
        return client


def _observed(response: Mapping[str, Any]) -> ObservedProfile:
    return ObservedProfile(
        arn=response["inferenceProfileArn"],
        name=response["inferenceProfileName"],
        model_arns=_model_arns(response),
        description=response.get("description") or None,
    )


def _model_arns(response: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(model["modelArn"] for model in response.get("models") or () if model.get("modelArn"))


def _as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]
