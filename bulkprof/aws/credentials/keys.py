"""Keys that lanes share: renewed before they run out or when AWS refuses them, and once for all lanes."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from bulkprof.errors import AmbiguousError, AwsError, ThrottledError, UnreachableError

_MARGIN_S = 300.0
_REMEMBER_REFUSAL_S = 30.0
_PASSING = (UnreachableError, AmbiguousError, ThrottledError)


class Keys(NamedTuple):
    """An access key as the SDK's signer reads it. Never printed: `repr` hides all of it."""

    access_key: str
    secret_key: str
    token: str | None
    account_id: str | None = None

    def __repr__(self) -> str:
        return "Keys(…)"


@dataclass(frozen=True, slots=True)
class Grant:
    """Keys and how long they last."""

    keys: Keys
    lifetime_s: float | None = None
    """Seconds from now; None if they are renewed elsewhere, or don't run out."""


Fetch = Callable[[Keys | None], Awaitable[Grant]]
"""Gets new keys; its argument is the keys that AWS refused as run out, if that is why."""


class SharedCredentials:
    """One account's keys, shared by all its clients (`sdk.py` gives them the SDK's form).

    `fetch` gets new ones and raises `AwsError`. It is called when there are none yet, when they are about to run out
    (five minutes ahead, or a third of a short life), and after `expired()`. Calls that ask meanwhile
    wait and get the same keys, or the same error.
    """

    def __init__(self, fetch: Fetch, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._keys: Keys | None = None
        self._renew_at: float | None = None
        self._dead_at: float | None = None
        self._stale = False
        self._refusal: AwsError | None = None
        self._refused_until = 0.0
        self.generation = 0
        """The number of the current keys: tells which keys a refused call was signed with."""

    def expired(self, generation: int) -> None:
        """Mark the keys of `generation` as run out, as AWS says. Later ones, which another lane has renewed, stay."""
        if generation == self.generation:
            self._stale = True

    async def keys(self) -> Keys:
        """Return keys to sign with. Raises `AwsError`; the call that needs the keys was not sent then."""
        keys = self._usable()
        if keys is not None:
            return keys
        async with self._lock:
            # The task that held the lock may have renewed them, or have failed to.
            keys = self._usable()
            if keys is not None:
                return keys
            if self._refusal is not None and self._clock() < self._refused_until:
                self._refuse(self._refusal)
            return await self._renew()

    def _usable(self) -> Keys | None:
        if self._keys is None or self._stale:
            return None
        if self._renew_at is not None and self._clock() >= self._renew_at:
            return None
        return self._keys

    async def _renew(self) -> Keys:
        try:
            grant = await self._fetch(self._keys if self._stale else None)
        except AwsError as error:
            now = self._clock()
            if self._keys is not None and not self._stale and self._dead_at is not None and now < self._dead_at:
                # Still valid for minutes, so an error of STS is no reason to stop; try again in a while.
                self._renew_at = min(self._dead_at, now + _REMEMBER_REFUSAL_S)
                return self._keys
            # A refusal is kept for a while, so that all lanes that wait for these keys get the same error, and
            # STS isn't called for each. An error that may pass is kept only for those that were already waiting.
            self._refusal = error
            self._refused_until = now + (0.5 if isinstance(error, _PASSING) else _REMEMBER_REFUSAL_S)
            self._refuse(error)
        now = self._clock()
        if grant.lifetime_s is None:
            self._renew_at = self._dead_at = None
        else:
            self._renew_at = now + grant.lifetime_s - min(_MARGIN_S, grant.lifetime_s / 3)
            self._dead_at = now + grant.lifetime_s
        if grant.keys != self._keys:
            self.generation += 1
        self._keys, self._stale, self._refusal = grant.keys, False, None
        return grant.keys

    def _refuse(self, error: AwsError) -> NoReturn:
        if isinstance(error, AmbiguousError | ThrottledError):
            # It was the renewal that was lost or throttled. The call that needs the keys was never sent, and its pacer
            # must not slow down for another operation's throttling.
            raise UnreachableError(
                error.message,
                code=error.code,
                operation=error.operation,
                where=error.where,
                retry_after=error.retry_after,
            ) from None
        # A copy each: each raise of one exception object would make its traceback longer.
        raise copy.copy(error) from None
