"""Service Quotas: the quota of application inference profiles; the rest is moto's."""

from __future__ import annotations

from typing import Final

from bulkprof.sandbox.errors import ApiError
from bulkprof.sandbox.operations import QuotaOperation
from bulkprof.sandbox.state.catalogue import partition_of
from bulkprof.sandbox.state.store import ProfileStore
from bulkprof.sandbox.wire import JSON_1_1_TYPE, Call, Response, json_response

QUOTA_CODE: Final = "L-40EC9882"


def route(call: Call) -> bool:
    """Set operation and input. False for a call that moto does."""
    return call.read_json() and call.operation in set(QuotaOperation) and call.params.get("ServiceCode") == "bedrock"


def handle(call: Call, store: ProfileStore) -> Response:
    """Do a routed call: return the applied quota or AWS's default, by the operation. Raises ApiError."""
    applied = call.operation in {QuotaOperation.GET, QuotaOperation.LIST}
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
    if call.operation in {QuotaOperation.LIST, QuotaOperation.LIST_DEFAULT}:
        wanted = call.params.get("QuotaCode", QUOTA_CODE)
        quotas = [quota] if wanted == QUOTA_CODE else []
        return json_response({"Quotas": quotas}, content_type=JSON_1_1_TYPE)
    if call.params.get("QuotaCode") != QUOTA_CODE:
        raise ApiError("NoSuchResourceException", "The specified resource does not exist.")
    return json_response({"Quota": quota}, content_type=JSON_1_1_TYPE)
