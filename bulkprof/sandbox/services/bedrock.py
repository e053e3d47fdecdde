"""The nine operations of Bedrock that the sandbox has, from path and JSON to the store and back."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from itertools import islice
from typing import Any, Final
from urllib.parse import unquote

from bulkprof.sandbox.errors import ApiError
from bulkprof.sandbox.operations import BedrockOperation
from bulkprof.sandbox.services.validation import validate
from bulkprof.sandbox.state.catalogue import (
    SYSTEM_PROFILES_SINCE,
    SystemProfile,
    foundation_models,
    partition_of,
    system_profiles,
)
from bulkprof.sandbox.state.profile import Profile
from bulkprof.sandbox.state.store import ProfileStore
from bulkprof.sandbox.wire import Call, Response, json_response

MAX_TAGS: Final = 50
DEFAULT_PAGE: Final = 100

_BAD_SOURCE: Final = "copyFrom must be a valid inference profile model source ARN."
_NO_MODEL: Final = "Could not resolve the foundation model from the provided model identifier."
_ROUTES: Final = {
    ("POST", "inference-profiles"): BedrockOperation.CREATE,
    ("GET", "inference-profiles"): BedrockOperation.LIST,
    ("GET", "foundation-models"): BedrockOperation.LIST_MODELS,
    ("POST", "tagResource"): BedrockOperation.TAG,
    ("POST", "untagResource"): BedrockOperation.UNTAG,
    ("POST", "listTagsForResource"): BedrockOperation.LIST_TAGS,
}
_ITEM_ROUTES: Final = {
    ("GET", "inference-profiles"): (BedrockOperation.GET, "inferenceProfileIdentifier"),
    ("DELETE", "inference-profiles"): (BedrockOperation.DELETE, "inferenceProfileIdentifier"),
    ("GET", "foundation-models"): (BedrockOperation.GET_MODEL, "modelIdentifier"),
}
_QUERY_NAMES: Final = {"type": "typeEquals"}


def route(call: Call) -> bool:
    """Set operation and input, unchecked. False for an operation that the sandbox doesn't have."""
    head, _, item = call.path.lstrip("/").partition("/")
    if item:
        found = _ITEM_ROUTES.get((call.method, head))
        if found:
            call.operation, member = found
            call.params = {member: unquote(item)}
        return bool(found)
    operation = _ROUTES.get((call.method, head))
    if operation is None:
        return False
    call.operation = operation
    if call.method == "GET":
        call.params = {_QUERY_NAMES.get(key, key): value for key, value in call.query.items()}
    else:
        try:
            params = json.loads(call.body or b"{}")
        except ValueError:
            params = None
        # A body that isn't a JSON object leaves the input empty, so that validation names what is missing.
        call.params = params if isinstance(params, dict) else {}
    return True


class Bedrock:
    """The operations over a store. The caller holds the sandbox's lock."""

    def __init__(self, store: ProfileStore) -> None:
        self._store = store
        self._operations: dict[str, Callable[[Call], Response]] = {
            BedrockOperation.CREATE: self._create,
            BedrockOperation.LIST: self._list,
            BedrockOperation.GET: self._get,
            BedrockOperation.DELETE: self._delete,
            BedrockOperation.TAG: self._tag,
            BedrockOperation.UNTAG: self._untag,
            BedrockOperation.LIST_TAGS: self._list_tags,
            BedrockOperation.LIST_MODELS: self._list_models,
            BedrockOperation.GET_MODEL: self._get_model,
        }

    def handle(self, call: Call) -> Response:
        """Do the routed operation. Raises ApiError."""
        if call.operation == BedrockOperation.LIST and "maxResults" in call.params:
            try:
                call.params["maxResults"] = int(call.params["maxResults"])
            except ValueError:
                raise ApiError("ValidationException", "maxResults must be a number") from None
        validate(call.operation, call.params)
        return self._operations[call.operation](call)

    def _create(self, call: Call) -> Response:
        tags = call.params.get("tags") or []
        _check_new_tags([tag["key"] for tag in tags])
        if len(tags) > MAX_TAGS:
            raise _too_many_tags(None)
        models = _source_models(call.params["modelSource"]["copyFrom"], call.account, call.region)
        profile = self._store.create(call.account, call.region, call.params, models)
        return json_response({"inferenceProfileArn": profile.arn, "status": "ACTIVE"}, status=201)

    def _list(self, call: Call) -> Response:
        limit = call.params.get("maxResults", DEFAULT_PAGE)
        kind = call.params.get("typeEquals", "SYSTEM_DEFINED")
        after = _read_token(call.params.get("nextToken"), kind)
        numbered: list[tuple[int, Any]]
        if kind == "APPLICATION":
            lag = self._store.hypotheses.list_lag_s
            listed = self._store.listed(call.account, call.region, lag_s=lag)
            page = list(islice((profile for profile in listed if profile.serial > after), limit + 1))
            numbered = [(profile.serial, profile.summary()) for profile in page]
        else:
            everything = enumerate(system_profiles(call.region).values(), start=1)
            numbered = [
                (serial, _system_summary(profile, call))
                for serial, profile in islice(everything, after, after + limit + 1)
            ]
        page_json: dict[str, Any] = {"inferenceProfileSummaries": [summary for _, summary in numbered[:limit]]}
        if len(numbered) > limit:
            page_json["nextToken"] = _write_token(numbered[limit - 1][0], kind)
        return json_response(page_json)

    def _get(self, call: Call) -> Response:
        found = self._find(call)
        if isinstance(found, SystemProfile):
            return json_response(_system_summary(found, call))
        return json_response(found.summary())

    def _delete(self, call: Call) -> Response:
        found = self._find(call)
        if isinstance(found, SystemProfile):
            raise ApiError("ValidationException", "System defined inference profiles can't be deleted.")
        self._store.delete(call.account, call.region, found.id)
        return json_response({})

    def _tag(self, call: Call) -> Response:
        profile = self._tagged(call)
        _check_new_tags([tag["key"] for tag in call.params["tags"]])
        tags = profile.tags | {tag["key"]: tag["value"] for tag in call.params["tags"]}
        if len(tags) > MAX_TAGS:
            raise _too_many_tags(profile.arn)
        self._store.set_tags(profile, tags)
        return json_response({})

    def _untag(self, call: Call) -> Response:
        profile = self._tagged(call)
        gone = set(call.params["tagKeys"])
        if any(key.startswith("aws:") for key in gone):
            raise ApiError("ValidationException", "System tags can't be removed.")
        kept = {key: value for key, value in profile.tags.items() if key not in gone}
        if kept != profile.tags:
            self._store.set_tags(profile, kept)
        return json_response({})

    def _list_tags(self, call: Call) -> Response:
        profile = self._tagged(call)
        hypotheses = self._store.hypotheses
        tags = profile.tags
        if not hypotheses.list_tags_immediate:
            tags = profile.tags_at(self._store.now() - hypotheses.tag_lag_s) or {}
        return json_response({"tags": [{"key": key, "value": value} for key, value in tags.items()]})

    def _list_models(self, call: Call) -> Response:
        models = [model for model in foundation_models(call.region).values() if _is_wanted(model, call.params)]
        return json_response({"modelSummaries": models})

    def _get_model(self, call: Call) -> Response:
        identifier = call.params["modelIdentifier"]
        prefix = f"arn:{partition_of(call.region)}:bedrock:{call.region}::foundation-model/"
        model = foundation_models(call.region).get(identifier.removeprefix(prefix))
        if model is None:
            raise ApiError("ResourceNotFoundException", _NO_MODEL)
        return json_response({"modelDetails": model})

    def _find(self, call: Call) -> Profile | SystemProfile:
        identifier = call.params["inferenceProfileIdentifier"]
        home = f"arn:{partition_of(call.region)}:bedrock:{call.region}:"
        place = f"{home}{call.account}:"
        system_id = identifier.removeprefix(place + "inference-profile/").removeprefix(home + ":inference-profile/")
        system = system_profiles(call.region).get(system_id)
        if system is not None:
            return system
        profile_id = identifier.removeprefix(place + "application-inference-profile/")
        return self._store.get(call.account, call.region, profile_id)

    def _tagged(self, call: Call) -> Profile:
        arn = call.params["resourceARN"]
        prefix = f"arn:{partition_of(call.region)}:bedrock:{call.region}:{call.account}:application-inference-profile/"
        if not arn.startswith(prefix):
            raise ApiError("ResourceNotFoundException", f"The resource {arn} could not be found.")
        return self._store.get(call.account, call.region, arn.removeprefix(prefix))


def _is_wanted(model: dict[str, Any], params: dict[str, Any]) -> bool:
    if "byProvider" in params and params["byProvider"].lower() != model["providerName"].lower():
        return False
    lists = {
        "byCustomizationType": "customizationsSupported",
        "byOutputModality": "outputModalities",
        "byInferenceType": "inferenceTypesSupported",
    }
    return all(params[key] in model[member] for key, member in lists.items() if key in params)


def _source_models(source: str, account: str, region: str) -> tuple[str, ...]:
    """Return the models[] of a profile copied from `source`. Raises ApiError when it can't be copied."""
    _, partition, _, source_region, source_account, resource = source.split(":", 5)
    kind, _, source_id = resource.partition("/")
    if (partition, source_region) != (partition_of(region), region):
        raise ApiError("ValidationException", _BAD_SOURCE)
    if kind == "foundation-model":
        if source_account:
            raise ApiError("ValidationException", _BAD_SOURCE)
        if source_id not in foundation_models(region):
            raise ApiError("ResourceNotFoundException", _NO_MODEL)
        return (source,)
    # A system profile belongs to every account, so its ARN needs none.
    if source_account not in ("", account):
        raise ApiError("ValidationException", _BAD_SOURCE)
    system = system_profiles(region).get(source_id)
    if system is None:
        raise ApiError("ResourceNotFoundException", "The requested inference profile could not be found.")
    return system.models


def _system_summary(profile: SystemProfile, call: Call) -> dict[str, Any]:
    prefix = f"arn:{partition_of(call.region)}:bedrock:{call.region}:{call.account}:inference-profile/"
    return {
        "inferenceProfileName": profile.name,
        "description": profile.description,
        "createdAt": SYSTEM_PROFILES_SINCE,
        "updatedAt": SYSTEM_PROFILES_SINCE,
        "inferenceProfileArn": prefix + profile.id,
        "models": [{"modelArn": arn} for arn in profile.models],
        "inferenceProfileId": profile.id,
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
    }


def _check_new_tags(keys: list[str]) -> None:
    if any(key.lower().startswith("aws:") for key in keys):
        raise ApiError("ValidationException", "aws: prefixed tag key names are not allowed for external use.")
    if len(set(keys)) < len(keys):
        raise ApiError("ValidationException", "Tag keys must be unique.")


def _too_many_tags(arn: str | None) -> ApiError:
    fields = {"resourceName": arn} if arn else {}
    return ApiError(
        "TooManyTagsException", f"The number of tags exceeds the limit of {MAX_TAGS} per resource.", **fields
    )


def _write_token(serial: int, kind: str) -> str:
    return base64.urlsafe_b64encode(f"{kind}:{serial}".encode()).decode()


def _read_token(token: str | None, kind: str) -> int:
    if token is None:
        return 0
    invalid = ApiError("ValidationException", "The provided nextToken is invalid.")
    try:
        written_kind, _, serial = base64.urlsafe_b64decode(token).decode().partition(":")
        after = int(serial)
    except ValueError:
        raise invalid from None
    if written_kind != kind:
        raise invalid
    return after
