"""Where plans and shares lie: folders and files of this machine, and objects in S3, which are fetched and stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import Final

import anyio.to_thread

from bulkprof.aws import AwsSessions
from bulkprof.aws.s3_download import download
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
        async with way_in(work) as way, way as sessions:
            near = str(await _fetched(sessions, plan, folder / "plan.db")) if is_s3(plan) else plan
            found = _files([name for name in shares if not is_s3(name)])
            for name in filter(is_s3, shares):
                for uri in await _objects(sessions, name):
                    found[uri] = await _fetched(sessions, uri, folder / f"{len(found)}.db")
        yield near, found


def _files(names: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name in names:
        path = Path(name)
        if not path.is_dir():
            found[name] = path
            continue
        inside = sorted(path.glob(SHARES))
        if not inside:
            raise UsageError(f"{name}: holds no shares ({SHARES})")
        found.update((str(share), share) for share in inside)
    return found


async def _objects(sessions: AwsSessions, name: str) -> list[str]:
    """Return the addresses of the shares that a name in S3 stands for."""
    if not name.endswith("/"):
        return [name]
    bucket, _ = split_s3_folder(name)
    async with s3_client(sessions, name) as s3:
        keys = [each.key for each in await list_folder(s3, name)]
    found = [f"s3://{bucket}/{key}" for key in keys if PurePosixPath(key).match(SHARES)]
    if not found:
        raise UsageError(f"{name}: holds no shares ({SHARES})")
    return found


async def _fetched(sessions: AwsSessions, uri: str, path: Path) -> Path:
    try:
        bucket, key = split_s3_uri(uri)
    except ValueError as error:
        raise UsageError(f"{uri}: {error}") from None
    async with s3_client(sessions, uri) as s3:
        await download(s3, bucket, key, path)
    return path


async def upload(work: Workspace, files: Sequence[Path], into: str) -> None:
    """Store files below `s3://bucket/prefix/`, one after the other. Raises `UsageError`, `ConfigError`, `AwsError`."""
    if work.options.sandbox:
        raise ConfigError(f"{into}: {EMPTY_SANDBOX}")
    bucket, prefix = split_s3_folder(into)
    async with way_in(work) as way, way as sessions:
        for file in files:
            data = await anyio.to_thread.run_sync(file.read_bytes)
            kind = _JSON if file.suffix == ".json" else _SQLITE
            await write_bytes(sessions.client, f"s3://{bucket}/{prefix}{file.name}", data, kind)
