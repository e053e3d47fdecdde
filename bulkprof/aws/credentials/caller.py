"""The caller's own keys: from the SDK's credentials, in bounded time, with the codes of MFA devices where asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

from bulkprof.aws.credentials.errors import cant_be_had, check_keys
from bulkprof.aws.credentials.keys import Grant, Keys
from bulkprof.aws.credentials.mfa import Ask, CodeNeededError, Codes
from bulkprof.aws.errors.sdk import SIGN_IN
from bulkprof.errors import KeysNotAwaitedError, SignInNeededError

_RECHECK_S = 30.0
"""How long the caller's keys are used before the SDK is asked again whether it has newer ones."""


class FindCredentials(Protocol):
    """Finds the caller's credentials."""

    async def __call__(self, *, afresh: bool = False) -> Any:
        """Return the SDK's credentials object, or None; `afresh` looks in all places once more."""
        ...


LIMIT_S = 120.0
"""Seconds that finding the caller's keys may take: a program may ask the user to sign in in a browser."""
_CLEAN_UP_S = 5.0
"""Seconds that a search that is given up has to end."""
Stopping = Callable[[], Awaitable[None]]
"""Returns when the run stops and waits no longer for the caller's keys."""


async def never() -> None:
    """Wait until cancelled: for runs that nothing stops."""
    await asyncio.get_running_loop().create_future()


class CallerKeys:
    """Gets the caller's keys. The SDK's object renews what it can by itself (SSO, roles of machines, processes)."""

    def __init__(
        self,
        find: FindCredentials,
        stopping: Stopping = never,
        *,
        codes: Codes | None = None,
        ask: Ask | None = None,
        limit_s: float = LIMIT_S,
    ) -> None:
        """`codes` holds the MFA codes that `find` asks for; `ask` asks the user for one, without a time limit."""
        self._find = find
        self._stopping = stopping
        self._codes = codes or Codes()
        self._ask_user = ask
        self._limit_s = limit_s
        self._found: Any = None

    async def fetch(self, refused: Keys | None) -> Grant:
        """Return the current keys; if AWS refused them, look whether the user has signed in again.

        Raises `SignInNeededError` if there are none, only the refused ones, or none in time, and
        `KeysNotAwaitedError` if the run stops meanwhile.
        """
        try:
            keys = await self._in_time(afresh=refused is not None)
        except CodeNeededError as needed:
            if refused is not None:
                # In the middle of a run, a question may wait unseen.
                raise _run_out() from None
            keys = await self._keys_with_code(needed)
        if keys == refused:
            raise _run_out()
        return Grant(keys, lifetime_s=_RECHECK_S)

    async def _keys_with_code(self, needed: CodeNeededError) -> Keys:
        """Return the keys, asking the user for the code of each MFA device that the SDK asks for."""
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
                    # Afresh: each of the SDK's objects asks only once.
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
            # This waits until a program that was started has ended, though not for ever.
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.gather(*both, return_exceptions=True), _CLEAN_UP_S)

    async def _ask(self, *, afresh: bool) -> Keys:
        if self._found is None or afresh:
            self._found = await self._find(afresh=afresh)
        if self._found is None:
            raise SignInNeededError(f"no AWS credentials were found; {SIGN_IN}", code="NoCredentials")
        provider = str(getattr(self._found, "method", ""))
        try:
            keys = await self._found.get_frozen_credentials()
        except Exception as error:  # noqa: BLE001 - programs, caches and files make the SDK raise anything
            # Without the cause, which may quote secrets from a program or a file.
            raise cant_be_had(error, provider) from None
        check_keys(keys.access_key, keys.secret_key, keys.token, provider)
        return Keys(*keys)


def _run_out() -> SignInNeededError:
    return SignInNeededError(
        "your own AWS session has run out; sign in again, then `bulkprof resume`", code="ExpiredToken"
    )
