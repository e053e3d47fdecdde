"""Two services beside Bedrock that its users call: the tagging API's GetResources, and Service Quotas.

Both speak AWS's JSON 1.1 protocol: the operation is in a header, input and output are the bodies.
"""

from __future__ import annotations

import json
from typing import Any, Final

from bulkprof.sandbox.catalogue import partition_of
from bulkprof.sandbox.store import ProfileStore
from bulkprof.sandbox.wire import JSON_1_1_TYPE, Answer, ApiError, Call, json_answer

QUOTA_CODE: Final = "L-40EC9882"
RESOURCES_PER_PAGE: Final = 100
_OUR_TYPES: Final = frozenset({"bedrock", "bedrock:application-inference-profile"})
_QUOTA_OPERATIONS: Final = frozenset(
    {"GetServiceQuota", "GetAWSDefaultServiceQuota", "ListServiceQuotas", "ListAWSDefaultServiceQuotas"}
)


def route(call: Call) -> bool:
    """Read operation and input of a JSON 1.1 call; False when it isn't one that the sandbox serves itself."""
    operation = call.headers.get("x-amz-target", "").rpartition(".")[2]
    try:
        params = json.loads(call.body or b"{}")
    except ValueError:
        return False
    if not isinstance(params, dict):
        return False
    call.operation, call.params = operation, params
    if call.service == "tagging":
        return operation == "GetResources"
    return operation in _QUOTA_OPERATIONS and params.get("ServiceCode") == "bedrock"


def get_resources(call: Call, store: ProfileStore) -> Answer:
    """The application inference profiles that were ever tagged, with their tags, as far as the lag shows them."""
    params = call.params
    _check_get_resources(params)
    lag = store.hypotheses.tag_lag_s
    moment = store.now() - lag
    wanted_types = params.get("ResourceTypeFilters")
    wanted_arns = params.get("ResourceARNList")
    token = params.get("PaginationToken") or "0"
    if not token.isdecimal():
        raise ApiError("PaginationTokenExpiredException", "The pagination token is invalid or has expired.")
    found: list[tuple[int, dict[str, Any]]] = []
    if not wanted_types or _OUR_TYPES & set(wanted_types):
        for profile in store.listed(call.account, call.region, lag_s=lag):
            tags = profile.tags_at(moment)
            if tags is None or profile.serial <= int(token):
                continue
            if wanted_arns and profile.arn not in wanted_arns:
                continue
            if all(_has_tag(tags, wanted) for wanted in params.get("TagFilters", ())):
                pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
                found.append((profile.serial, {"ResourceARN": profile.arn, "Tags": pairs}))
    limit = params.get("ResourcesPerPage", RESOURCES_PER_PAGE)
    page = found[:limit]
    return json_answer(
        {
            "PaginationToken": str(page[-1][0]) if len(found) > limit else "",
            "ResourceTagMappingList": [mapping for _, mapping in page],
        },
        content_type=JSON_1_1_TYPE,
    )


def _check_get_resources(params: dict[str, Any]) -> None:
    limit = params.get("ResourcesPerPage", RESOURCES_PER_PAGE)
    if not isinstance(limit, int) or not 1 <= limit <= RESOURCES_PER_PAGE:
        raise ApiError("InvalidParameterException", "ResourcesPerPage must be between 1 and 100")
    if "ResourceARNList" in params and len(params) > 1:
        raise ApiError("InvalidParameterException", "ResourceARNList can't be combined with other parameters")


def _has_tag(tags: dict[str, str], wanted: dict[str, Any]) -> bool:
    value = tags.get(wanted.get("Key", ""))
    return value is not None and (not wanted.get("Values") or value in wanted["Values"])


def service_quotas(call: Call, store: ProfileStore) -> Answer:
    """The quota of application inference profiles, as applied or (`AWSDefault`) as AWS gives it."""
    applied = not call.operation.startswith(("GetAWSDefault", "ListAWSDefault"))
    partition = partition_of(call.region)
    owner = call.account if applied else ""
    quota = {
        "ServiceCode": "bedrock",
        "ServiceName": "Amazon Bedrock",
        "QuotaArn": f"arn:{partition}:servicequotas:{call.region}:{owner}:bedrock/{QUOTA_CODE}",
        "QuotaCode": QUOTA_CODE,
        "QuotaName": "Inference profiles per account",
        "Value": float(store.quota(call.account) if applied else 1000),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }
    if call.operation.startswith("List"):
        wanted = call.params.get("QuotaCode", QUOTA_CODE)
        quotas = [quota] if wanted == QUOTA_CODE else []
        return json_answer({"Quotas": quotas}, content_type=JSON_1_1_TYPE)
    if call.params.get("QuotaCode") != QUOTA_CODE:
        raise ApiError("NoSuchResourceException", "The specified resource does not exist.")
    return json_answer({"Quota": quota}, content_type=JSON_1_1_TYPE)
