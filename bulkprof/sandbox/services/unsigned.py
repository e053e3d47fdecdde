"""Unsigned calls: which service they are for, and how AWS refuses them."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from bulkprof.sandbox.errors import ApiError
from bulkprof.sandbox.services import bedrock
from bulkprof.sandbox.wire import Call

_TARGETS: Final = {
    "AWSOrganizationsV20161128": "organizations",
    "ResourceGroupsTaggingAPI_20170126": "tagging",
    "ServiceQuotasV20190624": "servicequotas",
    "AmazonSSM": "ssm",
    "AWSEvents": "events",
    "AWSInsightsIndexService": "ce",
}
"""The service by the first part of the header `X-Amz-Target`."""
_UNSIGNED_BY_DESIGN: Final = frozenset({"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})


def refusal(call: Call) -> ApiError | None:
    """Return the error of an unsigned call; None if it is signed, or is for a service that moto serves.

    Sets the service, which otherwise the signature names. Of a signature, only its presence is checked.
    """
    if call.access_key:
        return None
    authorization = call.headers.get("authorization", "")
    bearer = authorization.lower().startswith("bearer ")
    call.service = _service(call)
    if not call.service and not bearer:
        # S3 has public buckets and presigned URLs, and other services of moto have calls without a signature.
        return None
    query = call.service == "sts"
    if bearer:
        message = "The security token included in the request is invalid"
        return ApiError("InvalidClientTokenId" if query else "UnrecognizedClientException", message)
    if authorization:
        message = "Authorization header requires 'Credential' parameter and existence of 'Signature' parameter."
        return ApiError("IncompleteSignature" if query else "IncompleteSignatureException", message)
    return ApiError("MissingAuthenticationToken" + "Exception" * (not query), "Missing Authentication Token")


def _service(call: Call) -> str:
    target = call.headers.get("x-amz-target", "").partition(".")[0]
    if target:
        return _TARGETS.get(target, "")
    if call.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = dict(parse_qsl(call.body.decode("utf-8", "replace")))
        sts = form.get("Version") == "2011-06-15" and form.get("Action") not in _UNSIGNED_BY_DESIGN
        return "sts" if sts else ""
    return "bedrock" if bedrock.route(call) else ""
