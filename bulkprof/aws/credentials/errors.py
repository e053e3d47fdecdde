"""Why the caller's own credentials can't be had: which provider of the SDK failed, what is wrong, and what to do.

The SDK has ten credential providers, which run programs and read caches and files: it raises any exception that those
cause. Values are never quoted, since any of them may be a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from bulkprof.aws.errors.mapping import from_sdk
from bulkprof.aws.errors.sdk import SIGN_IN, safe_text
from bulkprof.errors import (
    AmbiguousError,
    AwsError,
    SignInNeededError,
    ThrottledError,
    UnreachableError,
    in_a_line,
)

PASSING = (UnreachableError, AmbiguousError, ThrottledError)
"""Errors that may pass by themselves: another try may succeed."""


class Provider(NamedTuple):
    """A credential provider of the SDK, for people."""

    name: str
    remedy: str


_FILES = Provider("the AWS config and credentials files", "check both files, and AWS_PROFILE")
PROVIDERS: Mapping[str, Provider] = {
    "env": Provider("the environment", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN if any"),
    "assume-role": Provider("the profile's role_arn", "check role_arn, source_profile and credential_source there"),
    "assume-role-with-web-identity": Provider(
        "the web identity token", "check AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, or the profile's own"
    ),
    "sso": Provider("IAM Identity Center (SSO)", "sign in again with `aws sso login`, or check the profile"),
    "login": Provider("the profile's login_session", "sign in again with `aws login`, or check the profile"),
    "custom-process": Provider(
        "the profile's credential_process",
        "run that command by hand: it must print one JSON object, as the AWS documentation on it says",
    ),
    "container-role": Provider(
        "the container",
        "check AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI, and AWS_CONTAINER_AUTHORIZATION_TOKEN",
    ),
    "iam-role": Provider(
        "this machine's role", "check its instance profile, or set AWS_EC2_METADATA_DISABLED=true to do without"
    ),
    "shared-credentials-file": _FILES,
    "config-file": _FILES,
    "boto-config": _FILES,
    "ec2-credentials-file": Provider("AWS_CREDENTIAL_FILE", "check that file"),
}
"""By the SDK's own names of its providers (`METHOD`)."""


def cant_be_had(error: Exception, provider: str = "") -> AwsError:
    """Return what `error` means, which the SDK raised in `provider`. Never raises.

    One of `PASSING` keeps its class; everything else becomes a `SignInNeededError`.
    """
    code = type(error).__name__
    if isinstance(error, AwsError):
        if isinstance(error, (*PASSING, SignInNeededError)):
            return error
        text, code = error.message, error.code
    else:
        text = plain(error)
        # STS or IAM Identity Center is out of reach, or too busy.
        if _is_of_sdk(error) and isinstance(found := from_sdk(error), PASSING):
            return found
        if isinstance(getattr(error, "response", None), dict):
            text, code = str(found := from_sdk(error)), found.code
    where, remedy = PROVIDERS.get(provider, Provider("", SIGN_IN))
    of = f" of {where}" if where else ""
    return SignInNeededError(f"the AWS credentials{of} can't be used: {text.rstrip('.')}; {remedy}", code=code)


def _is_of_sdk(error: Exception) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError

    from bulkprof.aws.errors.transport import transport_errors

    # A missing file is an OSError like a lost connection.
    return isinstance(error, (BotoCoreError, ClientError, *transport_errors()))


def plain(error: Exception) -> str:
    """Return `error` in words, without the values that messages of other libraries may quote."""
    from botocore.exceptions import BotoCoreError, CredentialRetrievalError

    if isinstance(error, CredentialRetrievalError):
        # The provider is named already.
        return in_a_line(safe_text(error.kwargs.get("error_msg") or error))
    if isinstance(error, BotoCoreError):
        return in_a_line(safe_text(error))
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, UnicodeError):
        return "what was read is not UTF-8 text"
    if type(error) is RuntimeError:
        return "they have run out already"
    return f"what was read there is not as it should be ({type(error).__name__})"


_HEADER = ("access key ID", "session token")


def check_keys(access_key: Any, secret_key: Any, token: Any, provider: str = "") -> None:
    """Raise `SignInNeededError` for keys that nothing can be signed with, or that no header can carry."""
    where, remedy = PROVIDERS.get(provider, Provider("", SIGN_IN))
    of = f" of {where}" if where else ""
    for name, value in (("access key ID", access_key), ("secret access key", secret_key), ("session token", token)):
        if name == "session token" and not value:
            continue
        if not isinstance(value, str) or not value:
            fault = "is missing" if not value else "is no text"
        elif value != value.strip():
            fault = "begins or ends with a blank or a line break; write it without"
        elif not value.isprintable():
            fault = "holds a line break or another control character; write it without"
        elif name in _HEADER and (not value.isascii() or " " in value):
            fault = "holds a blank or a letter that isn't ASCII, which none has"
        else:
            continue
        raise SignInNeededError(f"the AWS credentials{of} can't be used: the {name} {fault}; {remedy}", code="BadKeys")
