"""Where keys come from: the caller's own from wherever the SDK finds them, other accounts' from STS."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from bulkprof.aws.answers import checked
from bulkprof.aws.credentials import Grant, Keys, SharedCredentials
from bulkprof.aws.errors_map import aws_errors, http_date
from bulkprof.config import Organization
from bulkprof.errors import (
    AwsError,
    CredentialsError,
    ExpiredCredentialsError,
    InvalidRequestError,
    SignInNeededError,
    ThrottledError,
)
from bulkprof.model import CallCount

_OWN_KEYS_S = 30.0
"""How long the caller's keys are used before the SDK is asked again whether it has newer ones."""


class FindOwn(Protocol):
    """Finds the caller's credentials."""

    async def __call__(self, *, afresh: bool = False) -> Any:
        """Answer the SDK's credentials object, or None; `afresh` looks in all places once more."""
        ...


class OwnKeys:
    """The caller's keys. The SDK's object renews what it can by itself (SSO, roles of machines, processes)."""

    def __init__(self, find: FindOwn) -> None:
        self._find = find
        self._found: Any = None

    async def fetch(self, refused: Keys | None) -> Grant:
        """Ask for the keys as they are now; where AWS refused them, look whether somebody signed in anew.

        Raises `SignInNeededError` when there are none, or none but the refused ones.
        """
        try:
            with aws_errors():
                if self._found is None or refused is not None:
                    self._found = await self._find(afresh=refused is not None)
                if self._found is None:
                    raise SignInNeededError(
                        "no AWS credentials were found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
                        "AWS_SECRET_ACCESS_KEY, or sign in with `aws sso login`",
                        code="NoCredentials",
                    )
                keys = Keys(*await self._found.get_frozen_credentials())
        except CredentialsError as error:
            # The SDK's own words for a token that ran out, a process that failed, a profile that is gone.
            raise SignInNeededError(error.message, code=error.code) from None
        if keys == refused:
            raise SignInNeededError(
                "your own AWS session has run out; sign in again, then `bulkprof resume`", code="ExpiredToken"
            )
        return Grant(keys, lifetime_s=_OWN_KEYS_S)


def member_role(organization: Organization, account: str, partition: str) -> str:
    """The ARN of the role that enters `account`. Raises `InvalidRequestError` for a template that names another's."""
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
    """The keys of a role, by [organization] of the config."""

    arn: str
    organization: Organization
    external_id: str | None
    sts: Callable[[], Awaitable[Any]]
    """Opens a client that signs with `signer`."""
    signer: SharedCredentials
    """Whoever assumes the role: the caller, or the hub role that the caller assumed first."""
    count: CallCount
    """Counts the calls."""

    async def fetch(self, _refused: Keys | None) -> Grant:
        """Assume the role. Where the signer's own keys have run out, those are renewed first.

        Raises `AwsError` with the role in its message and its account in `where`.
        """
        # Fails before, and with its own words, where already the signer can't act.
        await self.signer.keys()
        signed_with = self.signer.generation
        try:
            return await self._assume()
        except ExpiredCredentialsError:
            self.signer.expired(signed_with)
        return await self._assume()

    async def _assume(self) -> Grant:
        organization, sent = self.organization, False
        try:
            with aws_errors("AssumeRole", account_of(self.arn)):
                sts = await self.sts()
                self.count.sent += 1
                sent = True
                answer = await sts.assume_role(
                    RoleArn=self.arn,
                    RoleSessionName=organization.session_name,
                    DurationSeconds=organization.duration_s,
                    **({"ExternalId": self.external_id} if self.external_id else {}),
                )
                return _granted(answer)
        except AwsError as error:
            if isinstance(error, ThrottledError):
                self.count.throttled += 1
            elif sent:
                self.count.failed += 1
            error.args = (f"can't assume {self.arn}: {error.message}",)
            raise


def account_of(arn: str) -> str:
    """The account that an ARN names."""
    return arn.split(":")[4]


def _granted(answer: Mapping[str, Any]) -> Grant:
    found = checked("sts", "AssumeRole", answer)["Credentials"]
    keys = Keys(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
    # How long they last by the clock of whoever decides: this machine's may be off.
    date = str(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", ""))
    now = http_date(date) or datetime.now(UTC)
    return Grant(keys, lifetime_s=(found["Expiration"] - now).total_seconds())
