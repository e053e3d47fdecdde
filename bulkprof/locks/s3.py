"""A lock for runs on different machines: an S3 object that its holder renews, free again when that stops.

Taking it is a write under a condition (none there yet, or still the expired one that was read), so of any number of
takers one wins. The clocks:

- Whether a lock has expired is S3's to say: its Date when the object is read, less its LastModified. No taker's own
  clock counts, so machines whose clocks differ by hours agree. `expires_at` in the object is for people.
- The holder counts from the moment *before* it sent its last successful write, on a clock that can't be set. That is
  never later than S3's LastModified, so the holder thinks itself out before any other may come in.

As every lease, it can't hold back a process that is suspended and goes on later: that run is told to stop at its next
renewal. In a bucket that keeps versions, each renewal is one; let a lifecycle rule expire them.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import anyio
from anyio.abc import TaskGroup

from bulkprof.aws.operations import S3Operation
from bulkprof.aws.s3_object import S3Object, Stored, UnsupportedError
from bulkprof.config import Lock
from bulkprof.errors import AmbiguousError, BulkprofError, ConfigError, LockHeldError
from bulkprof.locks.lease import Lease
from bulkprof.locks.local import Holder

if TYPE_CHECKING:
    from bulkprof.plugins import ClientFactory

RENEW_SHARE: Final = 1 / 3
"""The share of the expiry after which the lock is renewed."""
RETRY_SHARE: Final = 1 / 12
"""The share after which a renewal that failed is tried again."""
GIVE_UP_SHARE: Final = 3 / 4
"""The share after which a lock that can't be renewed counts as lost: the rest is for calls in flight to end in."""
ROUNDING_S: Final = 2.0
"""Seconds that a taker waits longer than it must: S3's two times are whole seconds, and of two of its hosts."""
RELEASE_S: Final = 10.0
"""How long letting go may take, also when the run was cancelled."""
_ROUNDS: Final = 5
_NO_ETAG: Final = '"00000000000000000000000000000000"'


@dataclass(frozen=True, slots=True)
class Clock:
    """What the lock knows of time: epoch seconds for people, a clock that can't be set, and how to sleep by it."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep


def shared_lock(
    settings: Lock,
    client: ClientFactory,
    holder: Holder,
    *,
    on_lost: Callable[[str], None],
    warn: Callable[[str], None],
) -> AbstractAsyncContextManager[S3Lock | None]:
    """Return the S3 lock of the config, or nothing where it names none."""
    if settings.s3 is None:
        return nullcontext()
    expiry_s, region = settings.expiry_s, settings.region
    return S3Lock(client, settings.s3, holder, on_lost=on_lost, warn=warn, expiry_s=expiry_s, region=region)


class S3Lock:
    """The lock at `uri` (`s3://bucket/key`), held and renewed during its `async with` block."""

    def __init__(
        self,
        client: ClientFactory,
        uri: str,
        holder: Holder,
        *,
        on_lost: Callable[[str], None],
        warn: Callable[[str], None],
        expiry_s: float = 60.0,
        region: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`on_lost` is called once, with the reason, when the run must stop; it must not raise.

        Raises `ConfigError` for a bad URI.
        """
        self.holder = holder
        self.lost: str | None = None
        """Why the lock was lost, once it was."""
        self._clock = clock or Clock()
        self._object = S3Object(client, uri, region=region, now=self._clock.now)
        self._uri = uri
        self._expiry_s = expiry_s
        self._on_lost = on_lost
        self._warn = warn
        self._token = secrets.token_hex(16)
        self._writes = 0
        self._etag: str | None = None
        self._unsure = False
        self._give_up_at = 0.0
        self._trouble = ""
        self._tasks: TaskGroup | None = None

    async def __aenter__(self) -> Self:
        """Take the lock. Raises `LockHeldError` that names the holder, `ConfigError` or `AwsError`."""
        await self._object.__aenter__()
        try:
            await self._acquire_in_time()
            self._tasks = anyio.create_task_group()
            await self._tasks.__aenter__()
        except BaseException:
            await self._release()
            raise
        self._tasks.start_soon(self._keep)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let go, also after a failure or a cancellation, in bounded time. What can't be let go expires."""
        try:
            if self._tasks is not None:
                self._tasks.cancel_scope.cancel()
                # The block's own error goes on as it is: the group would wrap it.
                await self._tasks.__aexit__(None, None, None)
        finally:
            await self._release()

    async def _acquire_in_time(self) -> None:
        # A lock that takes longer to get than it lasts is worth nothing.
        with anyio.move_on_after(self._expiry_s) as limit:
            started = self._clock.monotonic()
            await self._acquire()
            self._give_up_at = started + self._expiry_s * GIVE_UP_SHARE
            await self._prove_conditions()
        if limit.cancelled_caught:
            raise AmbiguousError("no answer in time", code="ReadTimeout", operation=S3Operation.PUT, where=self._uri)

    async def _acquire(self) -> None:
        for _ in range(_ROUNDS):
            # Read first: a store that keeps no conditions would let the write spoil what isn't a lock.
            stored, lease = await self._look()
            if stored is None or lease is None:
                taken = await self._write(self._object.create)
            elif lease.token == self._token:
                taken = True
            else:
                left = lease.expiry_s + ROUNDING_S - stored.age_s
                if left > 0:
                    raise self._held_by(lease, left)
                taken = await self._write(partial(self._object.replace, etag=stored.etag))
            if taken:
                return
        raise LockHeldError(f"{self._uri}: other runs take and leave this lock too fast to get it; try again")

    async def _prove_conditions(self) -> None:
        """Refuse a store that takes conditions and doesn't keep them: there, all who ask would hold the lock."""
        body = self._body()
        if await self._object.create(body) or await self._object.replace(body, _NO_ETAG):
            # What was written is a lock without a holder; it must not keep others out.
            self._unsure = True
            raise UnsupportedError(self._uri)

    async def _write(self, write: Callable[[bytes], Awaitable[str | None]]) -> bool:
        """Write a new record; return whether the condition held."""
        self._writes += 1
        self._unsure = True
        try:
            etag = await write(self._body())
        except BulkprofError as error:
            self._unsure = isinstance(error, AmbiguousError)
            raise
        # Where the condition didn't hold, that may be due to this very write: the SDK sends again what isn't answered.
        self._unsure = etag is None
        self._etag = etag or self._etag
        return etag is not None

    async def _look(self) -> tuple[Stored | None, Lease | None]:
        """Read the lock, and take note if it is this run's after all: that a write's answer was lost."""
        stored = await self._object.read()
        self._unsure = False
        if stored is None:
            return None, None
        lease = Lease.from_body(stored.body)
        if lease is None:
            raise ConfigError(f"lock.s3: {self._uri} holds something else than a lock of bulkprof; choose another key")
        if lease.token == self._token:
            self._etag = stored.etag
        return stored, lease

    async def _keep(self) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(self._renew, group.cancel_scope)
            await self._watch()
            group.cancel_scope.cancel()

    async def _watch(self) -> None:
        """Return when the lock is lost for want of renewal: also while one is under way that gets no answer."""
        while (left := self._give_up_at - self._clock.monotonic()) > 0:
            await self._clock.sleep(left)
        trouble = f": {self._trouble}" if self._trouble else ""
        self._lose(f"the lock {self._uri} could not be renewed in time{trouble}")

    async def _renew(self, scope: anyio.CancelScope) -> None:
        pause = RENEW_SHARE
        while True:
            await self._clock.sleep(self._expiry_s * pause)
            started = self._clock.monotonic()
            try:
                taker = await self._renewed()
            except Exception as error:  # noqa: BLE001 - any error: there is time to try again, and a limit to it
                self._trouble = str(error) or type(error).__name__
                pause = RETRY_SHARE
                continue
            if taker is not None:
                self._lose(f"the lock {self._uri} was lost: {taker}")
                scope.cancel()
                return
            self._give_up_at = started + self._expiry_s * GIVE_UP_SHARE
            self._trouble = ""
            pause = RENEW_SHARE

    async def _renewed(self) -> str | None:
        """Renew the lock; return who has it instead, if it is gone."""
        for _ in range(2):
            if await self._write(partial(self._object.replace, etag=self._etag or _NO_ETAG)):
                return None
            _, lease = await self._look()
            if lease is None:
                return "it was removed"
            if lease.token != self._token:
                return f"{lease.holder} took it over"
            if lease.writes == self._writes:
                return None
            # An earlier renewal whose answer was lost. When it was written isn't known, so this one is sent again.
        return "it changes without this run"

    def _lose(self, reason: str) -> None:
        if self.lost is None:
            self.lost = reason
            self._on_lost(reason)

    async def _release(self) -> None:
        """Delete the lock if it is this run's, and close the client."""
        # One that was lost is another run's by now, or about to be.
        if self.lost is None and (self._etag or self._unsure):
            with anyio.move_on_after(RELEASE_S, shield=True) as limit:
                try:
                    await self._delete()
                except Exception as error:  # noqa: BLE001 - the run is over: nothing is worth hiding how it ended
                    self._warn_of_rest(str(error) or type(error).__name__)
            if limit.cancelled_caught:
                self._warn_of_rest("no answer in time")
        with anyio.move_on_after(RELEASE_S, shield=True):
            await self._object.__aexit__(None, None, None)

    async def _delete(self) -> None:
        if self._etag and await self._object.delete(self._etag):
            return
        # A write was under way when it ended: whose the object is now shows when it is read.
        stored, lease = await self._look()
        if stored is None or lease is None or lease.token != self._token:
            return
        if not await self._object.delete(stored.etag):
            self._warn_of_rest("it changed meanwhile")

    def _warn_of_rest(self, reason: str) -> None:
        self._warn(f"the lock {self._uri} could not be let go ({reason}); it expires in {self._expiry_s:.0f} s")

    def _body(self) -> bytes:
        return Lease(self.holder, self._token, self._expiry_s, self._writes).to_body(self._clock.now())

    def _held_by(self, lease: Lease, left: float) -> LockHeldError:
        return LockHeldError(
            f"another run of estate {lease.holder.estate!r} is at work: {lease.holder} ({self._uri}); wait until it "
            f"ends. If it died, its lock is free in {left:.0f} s"
        )
