"""What S3's error codes mean, and what to change in the bucket or the settings."""

from __future__ import annotations

from typing import Any

_WRONG_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "TemporaryRedirect", "301", "307"}
_EXPIRED = {"ExpiredToken", "RequestExpired", "TokenRefreshRequired"}
_REFUSED = {"AccessDenied", "AllAccessDisabled", "Forbidden", "403"}
_GONE = {"NoSuchBucket", "NoSuchAccessPoint"}
_EXPLICIT = (
    "a policy denies it explicitly, which no permission overrides: often the bucket's own, which takes encrypted "
    "objects only (set `sse`, and `kms_key_id` if it names a key, under [plugins.s3]), or a service control policy"
)
_DENIED = (
    "allow s3:PutObject on it to the credentials of the run (and kms:GenerateDataKey on its key, where it is encrypted"
    " with one)"
)


class DeliveryError(RuntimeError):
    """The results could not be put; the message says where, AWS's code, and what to do."""


def refusal(error: Exception, *, bucket: str, key: str, region: str | None) -> DeliveryError:
    """Return `error`, as botocore raised it, as one line for the user."""
    # Plugins get their clients from bulkprof, and need not import botocore for this class.
    response: dict[str, Any] = getattr(error, "response", None) or {}
    detail = response.get("Error", {})
    code = str(detail.get("Code") or type(error).__name__)
    message = f"s3://{bucket}/{key}: {code}: {detail.get('Message') or error}"
    advice = _advice(code, response, region)
    return DeliveryError(f"{message}; {advice}" if advice else message)


def _advice(code: str, response: dict[str, Any], region: str | None) -> str:
    """Return what to do first, if the code is known; else an empty text."""
    if code in _GONE:
        return "create the bucket, or correct `bucket` under [plugins.s3]"
    if code in _WRONG_REGION:
        headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        home = response.get("Error", {}).get("Region") or headers.get("x-amz-bucket-region") or "the bucket's Region"
        here = region or "the default Region"
        return f"the bucket isn't in {here}: set `region` under [plugins.s3] to {home}"
    if code in _EXPIRED:
        return "renew the credentials"
    if code.startswith("KMS."):
        return "check `kms_key_id` under [plugins.s3] and the key's policy"
    if code not in _REFUSED:
        return ""
    message = str(response.get("Error", {}).get("Message") or "")
    return _EXPLICIT if "explicit deny" in message.lower() else _DENIED
