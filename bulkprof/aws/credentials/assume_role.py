"""Where keys come from: the caller's own from wherever the SDK finds them, other accounts' from STS."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from bulkprof.aws.credentials.errors import cant_be_had, check_keys
from bulkprof.aws.credentials.keys import Grant, Keys, SharedCredentials
from bulkprof.aws.credentials.mfa import Ask, CodeNeededError, Codes
from bulkprof.aws.errors.mapping import aws_errors, http_date, sdk_alone
from bulkprof.aws.errors.sdk import SIGN_IN
from bulkprof.aws.transport.answers import checked
from bulkprof.config import CHAINED_S, Organization
from bulkprof.errors import (
    AwsError,
    ExpiredCredentialsError,
    InvalidRequestError,
    KeysNotAwaitedError,
    RegionError,
    SignInNeededError,
    ThrottledError,
)
from bulkprof.totals import CallCount

_ABOUT_DURATION = re.compile("DurationSeconds|MaxSessionDuration|session limit", re.IGNORECASE)
_OWN_KEYS_S = 30.0
"""How long the caller's keys are used before the SDK is asked again whether it has newer ones."""


class FindOwn(Protocol):
    """Finds the caller's credentials."""

    async def __call__(self, *, afresh: bool = False) -> Any:
        """Answer the SDK's credentials object, or None; `afresh` looks in all places once more."""
        ...


OWN_KEYS_LIMIT_S = 120.0
"""Seconds that finding the caller's keys may take: programs that do may have people sign in in a browser."""
_CLEAN_UP_S = 5.0
"""Seconds that what is given up has to end."""
Stopping = Callable[[], Awaitable[None]]
"""Returns when the run stops and waits for its own keys no longer."""


async def never() -> None:
    """Don't return, until cancelled: for runs that nothing stops."""
    await asyncio.get_running_loop().create_future()


class OwnKeys:
    """The caller's keys. The SDK's object renews what it can by itself (SSO, roles of machines, processes)."""

    def __init__(
        self,
        find: FindOwn,
        stopping: Stopping = never,
        *,
        codes: Codes | None = None,
        ask: Ask | None = None,
        limit_s: float = OWN_KEYS_LIMIT_S,
    ) -> None:
        """`codes` are those that `find` leads to questions for, and `ask` asks them: for that there is no limit."""
        self._find = find
        self._stopping = stopping
        self._codes = codes or Codes()
        self._ask_user = ask
        self._limit_s = limit_s
        self._found: Any = None

    async def fetch(self, refused: Keys | None) -> Grant:
        """Ask for the keys as they are now; where AWS refused them, look whether somebody signed in anew.

        Raises `SignInNeededError` when there are none, none but the refused ones, or none in time, and
        `KeysNotAwaitedError` when the run stops meanwhile.
        """
        try:
            keys = await self._in_time(afresh=refused is not None)
        except CodeNeededError as needed:
            if refused is not None:
                # Nobody waits for a question in the midst of a run.
                raise _run_out() from None
            keys = await self._keys_with_code(needed)
        if keys == refused:
            raise _run_out()
        return Grant(keys, lifetime_s=_OWN_KEYS_S)

    async def _keys_with_code(self, needed: CodeNeededError) -> Keys:
        """Ask for the code of each MFA device on the way, and begin anew with it."""
        try:
            while True:
                code = await self._ask_user(needed.question) if self._ask_user else None
                if not code:
                    why = "there is no terminal to ask for it" if code is None else "none was given"
                    raise SignInNeededError(
                        f"the AWS profile asks for the code of an MFA device (mfa_serial), and {why}; run this in a "
                        "terminal, or set a session's keys first: "
                        'eval "$(aws configure export-credentials --format env)"',
                        code="MfaNeeded",
                    )
                self._codes.give(needed.question, code)
                try:
                    # Afresh, since the SDK lets each of its objects ask only once.
                    return await self._in_time(afresh=True)
                except CodeNeededError as another:
                    needed = another
        finally:
            self._codes.forget()

    async def _in_time(self, *, afresh: bool) -> Keys:
        asking, stopping = asyncio.ensure_future(self._ask(afresh=afresh)), asyncio.ensure_future(self._stopping())
        both = (asking, stopping)
        try:
            await asyncio.wait(both, timeout=self._limit_s, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
            if stopping.done():
                raise KeysNotAwaitedError("the run stops, and doesn't wait for its AWS credentials", code="Stopped")
            raise SignInNeededError(
                f"the AWS credentials didn't come within {self._limit_s:.0f} s; look at what the profile runs or asks "
                "for them (credential_process, IAM Identity Center), then `bulkprof resume`",
                code="CredentialsTimeout",
            )
        finally:
            for task in both:
                task.cancel()
            # A program that was started is ended here, so this waits for it, if not for ever.
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.gather(*both, return_exceptions=True), _CLEAN_UP_S)

    async def _ask(self, *, afresh: bool) -> Keys:
        if self._found is None or afresh:
            self._found = await self._find(afresh=afresh)
        if self._found is None:
            raise SignInNeededError(f"no AWS credentials were found; {SIGN_IN}", code="NoCredentials")
        place = str(getattr(self._found, "method", ""))
        try:
            keys = await self._found.get_frozen_credentials()
        except Exception as error:  # noqa: BLE001 - programs, caches and files make the SDK raise anything
            # Without its cause, in which there may be what a program or a file holds.
            raise cant_be_had(error, place) from None
        check_keys(keys.access_key, keys.secret_key, keys.token, place)
        return Keys(*keys)


def _run_out() -> SignInNeededError:
    return SignInNeededError(
        "your own AWS session has run out; sign in again, then `bulkprof resume`", code="ExpiredToken"
    )


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
                with sdk_alone():
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
            said = error.message
            if self.external_id:
                # Quoted where STS refuses its form.
                said = said.replace(self.external_id, "…")
            error.args = (f"can't assume {self.arn}: {said}{self._advice(error)}",)
            raise

    def _advice(self, error: AwsError) -> str:
        """What helps where it isn't a permission; empty otherwise."""
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
    """The account that an ARN names."""
    return arn.split(":")[4]


def _granted(answer: Mapping[str, Any]) -> Grant:
    found = checked("sts", "AssumeRole", answer)["Credentials"]
    keys = Keys(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
    # How long they last by the clock of whoever decides: this machine's may be off.
    date = str(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", ""))
    now = http_date(date) or datetime.now(UTC)
    return Grant(keys, lifetime_s=(found["Expiration"] - now).total_seconds())
