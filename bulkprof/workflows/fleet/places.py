"""Where plans and shares lie: folders and files of this machine, and objects in S3, which are fetched and stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, Final

import anyio
import anyio.to_thread

from bulkprof.aws.s3_download import MissingObjectError, download
from bulkprof.aws.s3_folder import list_folder, split_s3_folder
from bulkprof.aws.s3_text import write_bytes
from bulkprof.config import is_s3, split_s3_uri
from bulkprof.errors import ConfigError, UsageError
from bulkprof.system.temporary import temporary_folder
from bulkprof.workflows.steps.connect import way_in
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.intake.fetch import EMPTY_SANDBOX, s3_client

SHARES: Final = "share-*.db"
"""How the files of shares are called."""
INDEX: Final = "index.json"
"""The file that lists the shares."""
_BESIDE: Final = (".lock", "-wal", "-shm")
"""How files end that come beside a share when it is carried out."""
_SQLITE = "application/vnd.sqlite3"
_JSON = "application/json"


def share_file(number: int) -> str:
    """Return the name of the share of this number."""
    return f"share-{number:04}.db"


@asynccontextmanager
async def at_hand(work: Workspace, plan: str, shares: Sequence[str]) -> AsyncIterator[tuple[str, dict[str, Path]]]:
    """Fetch what lies in S3 for as long as the block runs.

    Yields where the plan is, and the files of the shares by their names for people; a folder, and an address that ends
    in a slash, stand for the shares in them. Raises `UsageError`, `ConfigError`, `AwsError`, `StateError`.
    """
    there = [plan, *shares]
    if not any(map(is_s3, there)):
        yield plan, _files(shares)
        return
    if work.options.sandbox:
        raise ConfigError(f"{next(filter(is_s3, there))}: {EMPTY_SANDBOX}")
    with temporary_folder() as folder:
        # One client for all: each takes as long to make as a share takes to come.
        async with way_in(work) as way, way as sessions, s3_client(sessions, next(filter(is_s3, there))) as s3:
            near = str(await _fetched(s3, plan, folder / "plan.db")) if is_s3(plan) else plan
            found = _files([name for name in shares if not is_s3(name)])
            for name in filter(is_s3, shares):
                for uri in await _objects(s3, name):
                    found[uri] = folder / f"{len(found)}.db"
                    # One that is missing keeps the others from nothing, as on a disk.
                    with suppress(MissingObjectError):
                        await _fetched(s3, uri, found[uri])
        yield near, found


def _files(names: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    # A shell's `shares/*` names all that is there.
    shares = [name for name in names if Path(name).name != INDEX and not name.endswith(_BESIDE)]
    for name in shares or names:
        path = Path(name)
        if not path.is_dir():
            found[name] = path
            continue
        inside = sorted(path.glob(SHARES))
        if not inside:
            raise UsageError(f"{name}: holds no shares ({SHARES})")
        found.update((str(share), share) for share in inside)
    return found


async def _objects(s3: Any, name: str) -> list[str]:
    """Return the addresses of the shares that a name in S3 stands for."""
    if not name.endswith("/"):
        return [name]
    bucket, _ = split_s3_folder(name)
    keys = [each.key for each in await list_folder(s3, name)]
    found = [f"s3://{bucket}/{key}" for key in keys if PurePosixPath(key).match(SHARES)]
    if not found:
        raise UsageError(f"{name}: holds no shares ({SHARES})")
    return found


async def _fetched(s3: Any, uri: str, path: Path) -> Path:
    try:
        bucket, key = split_s3_uri(uri)
    except ValueError as error:
        raise UsageError(f"{uri}: {error}") from None
    try:
        await download(s3, bucket, key, path)
    except MissingObjectError:
        await anyio.Path(path).unlink(missing_ok=True)
        raise
    return path


async def upload(work: Workspace, files: Sequence[Path], into: str, *, over: bool) -> None:
    """Store files below `s3://bucket/prefix/`, one after the other, `over` those that are there already or not.

    Raises `UsageError`, `ConfigError`, `AwsError`.
    """
    if work.options.sandbox:
        raise ConfigError(f"{into}: {EMPTY_SANDBOX}")
    bucket, prefix = split_s3_folder(into)
    async with way_in(work) as way, way as sessions:
        for file in files:
            data = await anyio.to_thread.run_sync(file.read_bytes)
            kind = _JSON if file.suffix == ".json" else _SQLITE
            uri = f"s3://{bucket}/{prefix}{file.name}"
            if not await write_bytes(sessions.client, uri, data, kind, new=not over):
                raise there_already(uri)


def there_already(place: Path | str) -> UsageError:
    """Return the error for a place where the shares of another cut are: someone may work on them."""
    return UsageError(f"{place}: is there already, of another cut; choose another folder")
