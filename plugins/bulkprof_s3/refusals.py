"""What S3's error codes mean for whoever set the bucket up."""

from __future__ import annotations

from typing import Any

_WRONG_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "TemporaryRedirect", "301", "307"}
_EXPIRED = {"ExpiredToken", "RequestExpired", "TokenRefreshRequired"}
_ADVICE = {
    "NoSuchBucket": "create the bucket, or correct `bucket` under [plugins.s3]",
    "AllAccessDisabled": "the bucket's owner must enable it again",
    "NoSuchKey": "the access point or bucket is gone",
}
_DENIED = (
    "allow s3:PutObject on it to the credentials of the run (and kms:GenerateDataKey on its key, where it is encrypted"
    " with one)"
)


class DeliveryError(RuntimeError):
    """The results could not be put; the message says where, AWS's code, and what to do."""


def refusal(error: Exception, *, bucket: str, key: str, region: str | None) -> DeliveryError:
    """`error`, as botocore raised it, as one line for people."""
    # Known by its shape: plugins get their clients made, and need not import botocore for this.
    response: dict[str, Any] = getattr(error, "response", None) or {}
    detail = response.get("Error", {})
    code = str(detail.get("Code") or type(error).__name__)
    place = f"s3://{bucket}/{key}"
    return DeliveryError(f"{place}: {code}: {detail.get('Message') or error}; {_advice(code, response, region)}")


def _advice(code: str, response: dict[str, Any], region: str | None) -> str:
    again = "then deliver it again with `bulkprof runs redeliver`"
    if code in _WRONG_REGION:
        headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        home = response.get("Error", {}).get("Region") or headers.get("x-amz-bucket-region") or "the bucket's Region"
        return (
            f"the bucket isn't in {region or 'the default Region'}: set `region` under [plugins.s3] to {home}, {again}"
        )
    if code in _EXPIRED:
        return f"renew the credentials, {again}"
    if code.startswith("KMS."):
        return f"check `kms_key_id` under [plugins.s3] and the key's policy, {again}"
    if code in ("AccessDenied", "Forbidden", "403"):
        return f"{_DENIED}, {again}"
    return f"{_ADVICE.get(code, 'mend it')}, {again}"
