"""The runs of one estate in S3, an object each: a run has an id of its own, so runners write different objects.

An object is written only where it is still the one that this disk's file came from. So of two runners that take the
same run up, or apply the same plan, one begins, and the other learns of it before its first change.

```
s3://bucket/prefix/
  rates.json                                    what pacers learned, of all estates
  runs/ESTATE/20261123T143012Z-1f44f9a1c.db     one object per run
```
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

import anyio
import anyio.to_thread

from bulkprof.aws.s3_object import GONE
from bulkprof.aws.s3_prefix import Found, S3Prefix
from bulkprof.errors import AwsError, BulkprofError, LockHeldError
from bulkprof.locks import local as lock
from bulkprof.store.remote.copies import copy_out, take_in
from bulkprof.store.remote.kept import KeptRun, Warn, mark_of, remove_beside, remove_run
from bulkprof.store.run import RunFile
from bulkprof.system.blocking import waited_for
from bulkprof.system.private import FILE_MODE, create_private
from bulkprof.system.temporary import temporary_folder

T = TypeVar("T")

_RUN: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{9}")
_AT_ONCE: Final = 16
"""Objects that are asked about at the same time."""


class RemoteRuns:
    """The runs of `estate` below the prefix that `opened` opens. It is a `kept.Remote`; what is wrong goes to `warn`.

    What is there is listed at the first question, and again with `look`.
    """

    def __init__(
        self, estate: str, state: Path, opened: Callable[[], AbstractAsyncContextManager[S3Prefix]], warn: Warn
    ) -> None:
        """`state` is the state directory, whose locks say which runs are at work on this machine."""
        self.estate = estate
        self.given_up = False
        """Whether nothing can be listed, and so nothing is asked for or kept any more."""
        self.hurries = False
        """Whether the run was cancelled, and what goes there may take no longer than where it is stopped."""
        self._state = state
        self._opened = opened
        self._warn = warn
        self._folder = f"runs/{quote(estate, safe='')}/"
        self._writer = secrets.token_hex(8)
        self._listed: dict[str, Found] | None = None
        self._listed_at = 0.0
        self._unusable: set[str] = set()
        self._one_at_a_time = threading.Lock()

    @property
    def is_listed(self) -> bool:
        """Whether it is known what is there."""
        return self._listed is not None

    def leave_aside(self) -> None:
        """Take it that nothing is there, and ask no more."""
        self.given_up, self._listed = True, {}

    # Within an event loop

    async def look(self, s3: S3Prefix) -> None:
        """List what is there now. What can't be listed is told, and then nothing is there."""
        try:
            found = await s3.all(self._folder)
        except BulkprofError as error:
            self._give_up(error)
            return
        names = ((each.name.removeprefix(self._folder), each) for each in found)
        self._listed = {name[:-3]: each for name, each in names if name.endswith(".db") and _RUN.fullmatch(name[:-3])}
        self._listed_at = time.monotonic()

    def last_written(self) -> str | None:
        """Return the run that was written last: the one that nearly every run looks at."""
        there = self._listed or {}
        return min(there, key=lambda run_id: there[run_id].age_s, default=None)

    async def bring(self, s3: S3Prefix, run_id: str, path: Path) -> None:
        """Do what `fetch` does. What can't be had is told, and left out from then on."""
        if not self.is_newer(run_id, path):
            return
        found, part = self._there()[run_id], path.with_suffix(".fetched")
        try:
            remove_run(part)
            await s3.download(found, part)
            await anyio.to_thread.run_sync(self._put_in_place, found, part, path)
        except (BulkprofError, OSError) as error:
            self._leave_out(run_id, error)
        finally:
            remove_run(part)

    async def put(self, s3: S3Prefix, run: RunFile) -> None:
        """Write a run as it is now.

        Raises `LockHeldError` where another runner has written it since it came from there; `StateError`, `AwsError`
        and `ConfigError`.
        """
        run_id, known = run.details().id, _read_mark(run.path)
        name = self._name(run_id)
        with temporary_folder() as folder:
            copy = folder / "run.db"
            told = await run.off_loop(partial(copy_out, run, copy, self._writer))
            metadata = told.to_metadata()
            etag = await s3.write(name, copy, known, metadata)
            if etag is None and (there := await self._may_replace(s3, name)) is not None:
                etag = await s3.write(name, copy, there or None, metadata)
            size = copy.stat().st_size
        if etag is None:
            raise LockHeldError(
                f"another runner has taken up run {run_id} ({s3.uri(name)}); wait until it ends, and look what became "
                f"of it: bulkprof report {run_id}"
            )
        # At once, so that no other thread takes what is there for something newer.
        self._listed = {**(self._listed or {}), run_id: Found(name, size, etag, self._aged(0.0, back=True))}
        _write_mark(run.path, etag)

    async def _may_replace(self, s3: S3Prefix, name: str) -> str | None:
        """Return the ETag of an object that wasn't expected and is this process's own; empty where there is none now.

        The SDK sends again what isn't answered, so a write may find itself. None: it is another runner's.
        """
        try:
            metadata, etag = await s3.about(name)
        except AwsError as error:
            if error.code in GONE:
                return ""
            raise
        kept = KeptRun.from_metadata(metadata)
        return etag if kept is not None and kept.writer == self._writer else None

    # Blocking

    def ages(self) -> Mapping[str, float]:
        """See `Remote`."""
        return {run_id: self._aged(found.age_s) for run_id, found in self._there().items()}

    def is_newer(self, run_id: str, path: Path) -> bool:
        """See `Remote`. A run that a process of this machine works on is newest here."""
        found = self._there().get(run_id)
        if found is None or run_id in self._unusable:
            return False
        return not path.exists() or (_read_mark(path) != found.etag and not self._at_work(run_id))

    def fetch(self, run_id: str, path: Path) -> None:
        """See `Remote`. The folder of `path` has to be there."""
        with self._one_at_a_time:
            try:
                if self.is_newer(run_id, path):
                    self._now(lambda s3: self.bring(s3, run_id, path))
            except BulkprofError as error:
                self._leave_out(run_id, error)

    def about(self, run_ids: Collection[str]) -> Mapping[str, KeptRun]:
        """See `Remote`."""
        found: dict[str, KeptRun] = {}

        async def ask(s3: S3Prefix, run_id: str) -> None:
            metadata, _ = await s3.about(self._name(run_id))
            if (kept := KeptRun.from_metadata(metadata)) is not None:
                found[run_id] = kept

        self._each(run_ids, ask, "not all runs in S3 can be told of")
        return found

    def forget(self, run_ids: Collection[str]) -> None:
        """See `Remote`."""
        gone: set[str] = set()

        async def delete(s3: S3Prefix, run_id: str) -> None:
            await s3.delete(self._name(run_id))
            gone.add(run_id)

        self._each(run_ids, delete, "old runs stay in S3")
        self._listed = {run_id: found for run_id, found in self._there().items() if run_id not in gone}

    # Inside

    def _put_in_place(self, found: Found, part: Path, path: Path) -> None:
        part.chmod(FILE_MODE)
        take_in(part, path.stem, self._aged(found.age_s))
        # A file that can't be replaced has to stay.
        remove_beside(path)
        part.replace(path)
        _write_mark(path, found.etag)

    def _leave_out(self, run_id: str, error: BulkprofError | OSError) -> None:
        self._unusable.add(run_id)
        self._warn(f"run {run_id} is left out, since it can't be had from S3: {error}")

    def _there(self) -> Mapping[str, Found]:
        if self._listed is None:
            try:
                self._now(self.look)
            except BulkprofError as error:
                self._give_up(error)
        return self._listed or {}

    def _give_up(self, error: BulkprofError) -> None:
        if not self.given_up:
            self._warn(f"[state] s3 is left aside, and only what is on this disk counts: {error}")
        self.leave_aside()

    def _each(self, run_ids: Collection[str], work: Callable[[S3Prefix, str], Awaitable[None]], failed: str) -> None:
        """Do `work` for those of the runs that are there, some at once; what goes wrong is told once, as `failed`."""
        wanted = [run_id for run_id in run_ids if run_id in self._there()]
        wrong: list[BulkprofError] = []

        async def all_of_them(s3: S3Prefix) -> None:
            limiter = anyio.Semaphore(_AT_ONCE)

            async def one(run_id: str) -> None:
                async with limiter:
                    try:
                        await work(s3, run_id)
                    except BulkprofError as error:
                        wrong.append(error)

            async with anyio.create_task_group() as group:
                for run_id in wanted:
                    group.start_soon(one, run_id)

        if not wanted:
            return
        try:
            self._now(all_of_them)
        except BulkprofError as error:
            wrong.append(error)
        if wrong:
            self._warn(f"{failed}: {wrong[0]}")

    def _now(self, work: Callable[[S3Prefix], Awaitable[T]]) -> T:
        async def opened() -> T:
            async with self._opened() as s3:
                return await work(s3)

        return waited_for(opened)

    def _aged(self, age_s: float, *, back: bool = False) -> float:
        """Return an age in the list as it is by now; with `back`, an age by now as it has to stand in the list."""
        since = time.monotonic() - self._listed_at
        return age_s - since if back else age_s + since

    def _at_work(self, run_id: str) -> bool:
        seen = lock.look(self._state, self.estate)
        return seen is None or (seen.held and (seen.holder is None or seen.holder.run_id == run_id))

    def _name(self, run_id: str) -> str:
        return f"{self._folder}{run_id}.db"


def _read_mark(run: Path) -> str | None:
    """Return the ETag of the object that a run's file was the same as last; None where that isn't known."""
    try:
        return mark_of(run).read_text(encoding="ascii") or None
    except (OSError, UnicodeDecodeError):
        return None


def _write_mark(run: Path, etag: str) -> None:
    mark = mark_of(run)
    mark.unlink(missing_ok=True)
    create_private(mark, etag.encode("ascii"))
