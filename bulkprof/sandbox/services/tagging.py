"""The tagging API over the profiles: GetResources with its pages, TagResources and UntagResources.

It shows resources that were ever tagged, as of its lag ago, and changes tags by Bedrock's own operations.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any, Final

from bulkprof.sandbox.errors import ApiError, status_of
from bulkprof.sandbox.operations import BedrockOperation, TaggingOperation
from bulkprof.sandbox.state.store import ProfileStore
from bulkprof.sandbox.wire import JSON_1_1_TYPE, Call, Response, json_response

PAGE: Final = 100
"""The most resources of a page, and the default."""
TOKEN_LIFE_S: Final = 15 * 60

_TAGS_PER_PAGE: Final = (100, 500)
_MOST_TYPES: Final = 100
_MOST_TAG_FILTERS: Final = 50
_MOST_VALUES: Final = 20
_MOST_ARNS_READ: Final = 100
_MOST_ARNS_CHANGED: Final = 20
_MOST_TAGS: Final = 50
_PAGINATION: Final = ("ResourcesPerPage", "TagsPerPage", "PaginationToken")
_TYPE: Final = re.compile(r"[a-z0-9-]{1,64}(?::[\w/.-]{1,128})?", re.ASCII)
_PROFILE_TYPES: Final = frozenset({"bedrock", "bedrock:application-inference-profile"})
_PROFILE_ARN: Final = re.compile(r"arn:[a-z-]+:bedrock:[^:]*:[^:]*:application-inference-profile/.*")

Change = Callable[[Call], Response]
"""Bedrock's operations."""


def route(call: Call) -> bool:
    """Set operation and input. False for a call that moto does: changes of other services' resources."""
    if not call.read_json():
        return False
    if call.operation == TaggingOperation.GET:
        return True
    arns = call.params.get("ResourceARNList")
    # Invalid input is refused here, not by moto.
    return call.operation in set(TaggingOperation) and (
        not isinstance(arns, list) or not arns or any(_PROFILE_ARN.fullmatch(str(arn)) for arn in arns)
    )


def handle(call: Call, store: ProfileStore, change: Change, seed: int) -> Response:
    """Do a routed call; `change` does Bedrock's operations. Raises ApiError."""
    if call.operation == TaggingOperation.GET:
        return _get_resources(call, store, seed)
    return _change(call, change)


def _get_resources(call: Call, store: ProfileStore, seed: int) -> Response:
    params = call.params
    _check_get(params)
    lag, now = store.hypotheses.tag_lag_s, store.now()
    after = _read_token(params.get("PaginationToken"), now)
    wanted_types, wanted_arns = params.get("ResourceTypeFilters"), params.get("ResourceARNList")
    found: list[tuple[int, dict[str, Any]]] = []
    if not wanted_types or _PROFILE_TYPES & set(wanted_types):
        for profile in store.listed(call.account, call.region, lag_s=lag):
            tags = profile.tags_at(now - lag)
            if tags is None or profile.serial <= after or (wanted_arns and profile.arn not in wanted_arns):
                continue
            if all(_has_tag(tags, wanted) for wanted in params.get("TagFilters") or ()):
                pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
                found.append((profile.serial, {"ResourceARN": profile.arn, "Tags": pairs}))
    limit = _fitting([mapping for _, mapping in found], params)
    if len(found) > limit:
        limit = _shortened(limit, store.hypotheses.short_tag_pages, f"{seed} {call.account} {call.region} {after}")
    page = found[:limit]
    return json_response(
        {
            "PaginationToken": _write_token(page[-1][0], now) if len(found) > limit else "",
            "ResourceTagMappingList": [mapping for _, mapping in page],
        },
        content_type=JSON_1_1_TYPE,
    )


def _check_get(params: dict[str, Any]) -> None:
    _check_number(params, "ResourcesPerPage", 1, PAGE)
    _check_number(params, "TagsPerPage", *_TAGS_PER_PAGE)
    for key, least, most in (
        ("ResourceTypeFilters", 0, _MOST_TYPES),
        ("TagFilters", 0, _MOST_TAG_FILTERS),
        ("ResourceARNList", 1, _MOST_ARNS_READ),
    ):
        _check_list(params, key, least, most)
    for kind in params.get("ResourceTypeFilters") or ():
        if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
            raise _invalid(f"{kind!r} in ResourceTypeFilters is not of the form service[:resourceType]")
    for wanted in params.get("TagFilters") or ():
        if not isinstance(wanted, dict) or not isinstance(wanted.get("Key"), str) or not 1 <= len(wanted["Key"]) <= 128:
            raise _invalid("each of TagFilters needs a Key of 1 to 128 characters")
        _check_list(wanted, "Values", 0, _MOST_VALUES)
    if "ResourceARNList" in params and len(params) > 1:
        raise _invalid(f"ResourceARNList can't be combined with {', '.join(_PAGINATION)} or filters")
    if params.get("ExcludeCompliantResources") and not params.get("IncludeComplianceDetails"):
        raise _invalid("ExcludeCompliantResources needs IncludeComplianceDetails")


def _fitting(mappings: list[dict[str, Any]], params: dict[str, Any]) -> int:
    """Return how many resources the page may hold. One without tags counts as one tag, and none is split."""
    limit: int = params.get("ResourcesPerPage", PAGE)
    room = params.get("TagsPerPage")
    if room is not None:
        for index, mapping in enumerate(mappings[:limit]):
            room -= max(1, len(mapping["Tags"]))
            if room < 0:
                return index
    return limit


def _shortened(limit: int, share: float, drawn_from: str) -> int:
    """Return `limit`, or less for that share of all pages."""
    drawn = hashlib.blake2b(f"short page {drawn_from}".encode(), digest_size=8).digest()
    if limit < 2 or int.from_bytes(drawn[:4], "big") / 2**32 >= share:
        return limit
    return 1 + int.from_bytes(drawn[4:], "big") % (limit - 1)


def _has_tag(tags: dict[str, str], wanted: dict[str, Any]) -> bool:
    value = tags.get(wanted["Key"])
    return value is not None and (not wanted.get("Values") or value in wanted["Values"])


def _change(call: Call, change: Change) -> Response:
    """Change each resource by itself, and return those that couldn't be changed."""
    params = call.params
    _check_list(params, "ResourceARNList", 1, _MOST_ARNS_CHANGED, required=True)
    if call.operation == TaggingOperation.TAG:
        tags = params.get("Tags")
        if not isinstance(tags, dict) or not 1 <= len(tags) <= _MOST_TAGS:
            raise _invalid(f"Tags must hold 1 to {_MOST_TAGS} tags")
        operation = BedrockOperation.TAG
        values: dict[str, Any] = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
    else:
        _check_list(params, "TagKeys", 1, _MOST_TAGS, required=True)
        operation, values = BedrockOperation.UNTAG, {"tagKeys": params["TagKeys"]}
    failed: dict[str, Any] = {}
    for arn in params["ResourceARNList"]:
        try:
            change(_as_bedrock(call, operation, {"resourceARN": arn, **values}))
        except ApiError as error:
            failed[str(arn)] = {
                "StatusCode": status_of(error),
                "ErrorCode": error.code,
                "ErrorMessage": error.message,
            }
    return json_response({"FailedResourcesMap": failed}, content_type=JSON_1_1_TYPE)


def _as_bedrock(call: Call, operation: BedrockOperation, params: dict[str, Any]) -> Call:
    return Call(
        method="POST",
        path="",
        query_string="",
        headers={},
        body=b"",
        service="bedrock",
        region=call.region,
        access_key=call.access_key,
        account=call.account,
        operation=operation,
        params=params,
    )


def _write_token(serial: int, now: float) -> str:
    return base64.urlsafe_b64encode(f"{now}:{serial}".encode()).decode()


def _read_token(token: Any, now: float) -> int:
    """Return the serial after which the page starts."""
    if not token:
        return 0
    try:
        written, _, serial = base64.urlsafe_b64decode(token).decode().partition(":")
        after, age = int(serial), now - float(written)
    except (TypeError, ValueError):
        after, age = 0, float("inf")
    if age > TOKEN_LIFE_S:
        raise ApiError("PaginationTokenExpiredException", "The pagination token is invalid or has expired.")
    return after


def _check_number(params: dict[str, Any], key: str, least: int, most: int) -> None:
    value = params.get(key, least)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _invalid(f"{key} must be between {least} and {most}")


def _check_list(params: dict[str, Any], key: str, least: int, most: int, *, required: bool = False) -> None:
    value = params.get(key)
    if value is None and not required:
        return
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise _invalid(f"{key} must hold {least} to {most} items")


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)
