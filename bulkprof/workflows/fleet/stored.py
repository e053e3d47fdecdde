"""A share that lies in S3 is carried out here: fetched, worked on, and put back under conditions.

As long as an invocation works on it, the object there says that everything in it may have been sent. So an invocation
that dies leaves a share that the next one takes up as a resumed one: it waits until AWS's lists show what was sent, and
sends again with the same tokens. Of two that work on one share at the same time, the one that came further stays there.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import anyio
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from bulkprof.aws import AwsSessions
from bulkprof.aws.s3_download import ChangedObjectError
from bulkprof.aws.s3_prefix import Found, S3Prefix, open_prefix
from bulkprof.config import Organization, Run
from bulkprof.errors import AmbiguousError, UsageError
from bulkprof.statuses import RunStatus
from bulkprof.stop import Stop
from bulkprof.store.remote.copies import copy_out, take_in
from bulkprof.store.run import RunFile
from bulkprof.system.temporary import temporary_folder
from bulkprof.totals import RunSummary
from bulkprof.ui import Ui
from bulkprof.workflows.fleet.share import apply_share
from bulkprof.workflows.options import Options

_ROUNDS: Final = 5
"""How often a share is read or written at most, where another process comes before each time."""


async def apply_stored(
    folder: str, name: str, options: Options | None = None, ui: Ui | None = None, stop: Stop | None = None
) -> RunSummary:
    """Carry out what is open in the share `name` below `s3://bucket/prefix/`, as `apply_share` does.

    Its outcomes are there afterwards, also where an error ends it. Raises what `apply_share` raises; `UsageError` where
    there is no such share; `AwsError` and `ConfigError` where it can't be read or written.
    """
    async with AwsSessions(Organization(), Run()) as sessions, open_prefix(sessions.client, folder) as s3:
        with temporary_folder() as here:
            stored = await _Stored.begin(s3, name, here, ui or Ui())
            try:
                return await apply_share(stored.path, options, ui, stop)
            finally:
                with anyio.CancelScope(shield=True):
                    await stored.put_back()


@dataclass(slots=True)
class _Stored:
    s3: S3Prefix
    name: str
    path: Path
    ui: Ui
    etag: str
    """Of what this process has written there last."""
    is_done: bool = False
    """Whether all of it was done before: then it stays as it is."""

    @classmethod
    async def begin(cls, s3: S3Prefix, name: str, here: Path, ui: Ui) -> _Stored:
        """Fetch a share, and let the object say that it is worked on, unless all in it is done."""
        for number in range(_ROUNDS):
            path = here / f"{number}.db"
            found = await _fetched(s3, name, path)
            stored = cls(s3, name, path, ui, found.etag)
            with RunFile.open(path) as share:
                if share.details().status is RunStatus.FINISHED:
                    stored.is_done = True
                    return stored
                copy = here / f"{number}-at-work.db"
                await share.off_loop(partial(_at_work, share, copy))
            if etag := await s3.write(name, copy, found.etag):
                stored.etag = etag
                return stored
        raise AmbiguousError("others keep writing it", operation="PutObject", where=s3.uri(name))

    async def put_back(self) -> None:
        """Write the share as it is now, unless another process has put one there that came as far."""
        if self.is_done:
            return
        with temporary_folder() as here:
            copy = here / "share.db"
            with RunFile.open(self.path) as share:
                mine = _how_far(share)
                await share.off_loop(partial(copy_out, share, copy, secrets.token_hex(8)))
            for number in range(_ROUNDS):
                if await self.s3.write(self.name, copy, self.etag):
                    return
                path = here / f"{number}.db"
                self.etag = (await _fetched(self.s3, self.name, path)).etag
                with RunFile.open(path) as other:
                    theirs = _how_far(other)
                if theirs >= mine:
                    self.ui.note(f"{self.s3.uri(self.name)}: another process came as far; its outcomes stay there")
                    return
        self.ui.warn(f"{self.s3.uri(self.name)}: others keep writing it, so what was done here isn't known there")


async def _fetched(s3: S3Prefix, name: str, path: Path) -> Found:
    found = await _downloaded(s3, name, path)
    with RunFile.open(path) as share:
        run_id = share.details().id
    take_in(path, run_id, found.age_s)
    return found


# Another process may write it between the two calls.
@retry(retry=retry_if_exception_type(ChangedObjectError), stop=stop_after_attempt(_ROUNDS), reraise=True)
async def _downloaded(s3: S3Prefix, name: str, path: Path) -> Found:
    await anyio.Path(path).unlink(missing_ok=True)
    found = next((each for each in await s3.all(name) if each.name == name), None)
    if found is None:
        raise UsageError(f"{s3.uri(name)}: there is no such share; `bulkprof shard` writes them")
    await s3.download(found, path)
    return found


def _at_work(share: RunFile, path: Path) -> None:
    """Write a copy that supposes the worst: everything in it may have been sent, and nothing says when."""
    share.copy_to(path)
    with RunFile.open(path) as copy:
        copy.hand_out(copy.targets())
        copy.note(status=RunStatus.RUNNING, alive=None)


def _how_far(share: RunFile) -> tuple[bool, int]:
    """Return how far a share has come: whether it is finished, and the number of its outcomes."""
    return share.details().status is RunStatus.FINISHED, sum(share.outcome_counts().values())
