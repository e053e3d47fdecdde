"""Keys of roles: assumed by STS, with the keys of the caller or of the hub role."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bulkprof.aws.credentials.keys import Grant, Keys, SharedCredentials
from bulkprof.aws.errors.mapping import aws_errors, sdk_alone
from bulkprof.aws.operations import StsOperation
from bulkprof.aws.transport.responses import checked
from bulkprof.config import CHAINED_S, Organization
from bulkprof.errors import AwsError, ExpiredCredentialsError, InvalidRequestError, RegionError, ThrottledError
from bulkprof.system.retry_after import http_date
from bulkprof.telemetry.seam import NO_CALLS, Call, Calls
from bulkprof.totals import CallCount, CallTimes

_ABOUT_DURATION = re.compile("DurationSeconds|MaxSessionDuration|session limit", re.IGNORECASE)


def member_role(organization: Organization, account: str, partition: str) -> str:
    """Return the ARN of the role for `account`. Raises `InvalidRequestError` if the template names another account."""
    role = organization.role or ""
    if not role.startswith("arn:"):
        return f"arn:{partition}:iam::{account}:role/{role.removeprefix('/')}"
    arn = role.replace("{account}", account).replace("{partition}", partition)
    if arn.split(":")[4:5] != [account]:
        raise InvalidRequestError(
            f"[organization] role {role!r} belongs to another account; write {{account}} in its place",
            code="WrongRole",
            where=account,
        )
    return arn


@dataclass(frozen=True, slots=True)
class AssumedRole:
    """Gets the keys of a role, with the settings in [organization] of the config."""

    arn: str
    organization: Organization
    external_id: str | None
    sts: Callable[[], Awaitable[Any]]
    """Opens an STS client that signs with `signer`."""
    signer: SharedCredentials
    """The credentials that assume the role: the caller's, or those of the hub role, which the caller assumed first."""
    count: CallCount
    """Counts the calls."""
    times: CallTimes = field(default_factory=CallTimes)
    """Counts their answers, second by second."""
    calls: Calls = NO_CALLS
    """Takes them for telemetry."""

    async def fetch(self, _refused: Keys | None) -> Grant:
        """Assume the role, and return its keys. If the signer's own keys have run out, those are renewed first.

        Raises `AwsError` with the role in its message and its account in `where`.
        """
        # If the signer's own keys can't be had, its error says so better than a failed AssumeRole.
        await self.signer.keys()
        signed_with = self.signer.generation
        try:
            return await self._assume()
        except ExpiredCredentialsError:
            self.signer.expired(signed_with)
        return await self._assume()

    async def _assume(self) -> Grant:
        organization, sent = self.organization, False
        call = Call(StsOperation.ASSUME_ROLE)
        try:
            with aws_errors(StsOperation.ASSUME_ROLE, account_of(self.arn)):
                sts = await self.sts()
                self.count.sent += 1
                sent, call.sent_at = True, time.monotonic()
                with sdk_alone():
                    response = await sts.assume_role(
                        RoleArn=self.arn,
                        RoleSessionName=organization.session_name,
                        DurationSeconds=organization.duration_s,
                        **({"ExternalId": self.external_id} if self.external_id else {}),
                    )
                call.request_id = str(response.get("ResponseMetadata", {}).get("RequestId", ""))
                grant = _grant(response)
                self.times.answered(StsOperation.ASSUME_ROLE)
                return grant
        except AwsError as error:
            call.error = error
            if isinstance(error, ThrottledError):
                self.count.throttled += 1
                self.times.answered(StsOperation.ASSUME_ROLE, throttled=True)
            elif sent:
                self.count.failed += 1
                self.times.answered(StsOperation.ASSUME_ROLE, failed=True)
            message = error.message
            if self.external_id:
                # STS quotes it where it refuses its form.
                message = message.replace(self.external_id, "…")
            error.args = (f"can't assume {self.arn}: {message}{self._advice(error)}",)
            raise
        finally:
            if sent:
                call.ended_at = time.monotonic()
                self.calls.take(call)

    def _advice(self, error: AwsError) -> str:
        """Return what helps where the reason isn't a missing permission; empty otherwise."""
        if isinstance(error, InvalidRequestError) and _ABOUT_DURATION.search(error.message):
            return (
                f"; `duration_s` in [organization] is {self.organization.duration_s}: lower it ({CHAINED_S} is always "
                "allowed), or raise the role's maximum session duration. Where the caller is a role's session already, "
                f"AWS allows {CHAINED_S} at most"
            )
        if isinstance(error, RegionError):
            return ", or set AWS_REGION to a Region in which STS is active: roles are assumed there"
        return ""


def account_of(arn: str) -> str:
    """Return the account in an ARN."""
    return arn.split(":")[4]


def _grant(response: Mapping[str, Any]) -> Grant:
    found = checked("sts", StsOperation.ASSUME_ROLE, response)["Credentials"]
    keys = Keys(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
    # The lifetime by the clock of STS: this machine's may be off.
    date = str(response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", ""))
    now = http_date(date) or datetime.now(UTC)
    return Grant(keys, lifetime_s=(found["Expiration"] - now).total_seconds())
