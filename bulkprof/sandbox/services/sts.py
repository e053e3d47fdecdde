"""AssumeRole into any account and GetCallerIdentity; the rest of STS is moto's."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from bulkprof.sandbox.errors import ApiError
from bulkprof.sandbox.operations import StsOperation
from bulkprof.sandbox.services.sessions import Sessions, account_of_key
from bulkprof.sandbox.settings import SandboxSettings
from bulkprof.sandbox.state.catalogue import partition_of
from bulkprof.sandbox.wire import Call, Response, xml_response

NAMESPACE: Final = "https://sts.amazonaws.com/doc/2011-06-15/"

_ROLE: Final = re.compile(r"arn:(aws[a-z-]*):iam::(\d{12}):role/(?:[!-~]*/)?([\w+=,.@-]{1,64})", re.ASCII)
_SESSION_NAME: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_DURATIONS: Final = (900, 43200)
_CHAINED_S: Final = 3600
"""The longest session of a role that a role session assumes."""


def route(call: Call) -> bool:
    """Set operation and input from the form. False for an operation that moto does."""
    call.params = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
    call.operation = call.params.get("Action", "")
    return call.operation in set(StsOperation)


def handle(call: Call, sessions: Sessions, settings: SandboxSettings, denied_accounts: frozenset[str]) -> Response:
    """Do a routed call. Raises ApiError."""
    if call.operation == StsOperation.CALLER_IDENTITY:
        return _get_caller_identity(call, sessions)
    return _assume_role(call, sessions, settings, denied_accounts)


def _get_caller_identity(call: Call, sessions: Sessions) -> Response:
    arn = sessions.principal(call.access_key, partition_of(call.region))
    result = f"<Arn>{escape(arn)}</Arn><UserId>{escape(call.access_key)}</UserId><Account>{call.account}</Account>"
    return xml_response(call.operation, result, namespace=NAMESPACE)


def _assume_role(
    call: Call, sessions: Sessions, settings: SandboxSettings, denied_accounts: frozenset[str]
) -> Response:
    # The role need not exist: one of any account of twelve digits can be assumed.
    role_arn = call.params.get("RoleArn", "")
    session_name = call.params.get("RoleSessionName", "")
    match = _ROLE.fullmatch(role_arn)
    if not match:
        raise ApiError("ValidationError", f"{role_arn} is invalid")
    if not _SESSION_NAME.fullmatch(session_name):
        raise ApiError("ValidationError", "RoleSessionName must match [\\w+=,.@-]{2,64}")
    duration = call.params.get("DurationSeconds", "3600")
    if not duration.isdecimal() or not _DURATIONS[0] <= int(duration) <= _DURATIONS[1]:
        raise ApiError("ValidationError", "DurationSeconds must be between 900 and 43200")
    if int(duration) > _CHAINED_S and account_of_key(call.access_key) is not None:
        message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        raise ApiError("ValidationError", message)
    partition, account, role = match.groups()
    if account in denied_accounts:
        caller = sessions.principal(call.access_key, partition)
        message = f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
        raise ApiError("AccessDenied", message)
    now = settings.clock()
    key = sessions.open(account, role, session_name, now)
    lifetime: float = int(duration)
    if settings.announce_lifetime and settings.session_lifetime_s is not None:
        lifetime = settings.session_lifetime_s
    expiration = datetime.fromtimestamp(now + lifetime, UTC).isoformat(timespec="milliseconds")
    session_arn = sessions.principal(key, partition)
    result = (
        f"<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secrets.token_hex(20)}</SecretAccessKey>"
        f"<SessionToken>{secrets.token_urlsafe(48)}</SessionToken>"
        f"<Expiration>{expiration.replace('+00:00', 'Z')}</Expiration></Credentials>"
        f"<AssumedRoleUser><AssumedRoleId>AROA{key[4:]}:{escape(session_name)}</AssumedRoleId>"
        f"<Arn>{escape(session_arn)}</Arn></AssumedRoleUser>"
    )
    return xml_response(call.operation, result, namespace=NAMESPACE)
