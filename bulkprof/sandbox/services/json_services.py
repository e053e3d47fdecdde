"""Services beside Bedrock that speak AWS's JSON 1.1 protocol: how their calls are read, and Service Quotas.

The operation is in a header, input and output are the bodies.
"""

from __future__ import annotations

import json
from typing import Final

from bulkprof.sandbox.services import tagging
from bulkprof.sandbox.state.catalogue import partition_of
from bulkprof.sandbox.state.store import ProfileStore
from bulkprof.sandbox.wire import JSON_1_1_TYPE, Answer, ApiError, Call, json_answer

QUOTA_CODE: Final = "L-40EC9882"
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
        return tagging.route(call)
    return operation in _QUOTA_OPERATIONS and params.get("ServiceCode") == "bedrock"


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
