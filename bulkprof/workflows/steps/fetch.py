"""Manifests and config in S3: each object is fetched once, into a private file that is read like any other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import anyio
import anyio.to_thread

from bulkprof.aws import AwsSessions
from bulkprof.aws.errors.mapping import aws_errors
from bulkprof.aws.s3_download import Listed, download
from bulkprof.aws.s3_folder import list_folder, split_s3_folder
from bulkprof.config import Config, Organization, Run, is_s3, load, parsed, split_s3_uri
from bulkprof.errors import ConfigError
from bulkprof.system.temporary import temporary_folder

_SHEET = "#"
"""What stands between a workbook and one of its sheets."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """Manifests that can be read: `labels` in place of what the user wrote, and where those of S3 are on this disk."""

    labels: Sequence[str]
    places: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    """The version id or ETag of each object."""


async def fetch_manifests(
    opened: Callable[[], AbstractAsyncContextManager[AwsSessions]],
    manifests: Sequence[str],
    suffixes: Collection[str],
    into: Path,
) -> Fetched:
    """Fetch those of the manifests that are in S3; of a folder, the objects whose names end as manifests do.

    `opened` opens the way into AWS, `into` is an empty folder for the files. Raises `ConfigError`, `AwsError`
    and `StateError`.
    """
    labels: list[str] = []
    versions: dict[str, str] = {}
    places: dict[str, str] = {}
    async with opened() as way, way as sessions, _s3(sessions, next(filter(is_s3, manifests))) as s3:
        for manifest in manifests:
            if not is_s3(manifest):
                labels.append(manifest)
                continue
            for uri, wanted, sheet in await _objects(s3, manifest, suffixes):
                bucket = uri.removeprefix("s3://").partition("/")[0]
                suffix = PurePosixPath(uri).suffix
                if uri not in versions:
                    path = into / f"{len(versions)}{suffix}"
                    versions[uri] = await download(s3, bucket, wanted, path)
                    places[uri] = str(path)
                # Readers find the sheet behind the file's name, as they do in other files.
                places[uri + sheet] = places[uri] + sheet
                labels.append(uri + sheet)
    return Fetched(labels, places, versions)


@asynccontextmanager
async def _s3(sessions: AwsSessions, uri: str) -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:
        with aws_errors("", uri):
            s3 = await stack.enter_async_context(sessions.client("s3"))
        yield s3


async def _objects(s3: Any, manifest: str, suffixes: Collection[str]) -> list[tuple[str, Listed | str, str]]:
    """The objects that a manifest's URI names: the URI of each, how it is asked for, and the sheet that is meant."""
    if not manifest.endswith("/"):
        uri, mark, sheet = manifest.partition(_SHEET)
        try:
            _, key = split_s3_uri(uri)
        except ValueError as error:
            raise ConfigError(f"{manifest}: {error}; a folder's address ends in a slash") from None
        return [(uri, key, mark + sheet)]
    bucket, _ = split_s3_folder(manifest)
    found = [each for each in await list_folder(s3, manifest) if PurePosixPath(each.key).suffix.lower() in suffixes]
    if not found:
        # With --prune, an empty folder would be a wish to delete.
        known = ", ".join(sorted(suffixes))
        raise ConfigError(f"{manifest}: no object below it is a manifest ({known}); check the prefix")
    return [(f"s3://{bucket}/{each.key}", each, "") for each in found]


def load_config(file: Path | str | None = None, *, sandbox: bool = False) -> Config:
    """Read a config, also one in S3. Relative paths in that one start in the working directory.

    Raises `ConfigError` that names every bad key of the file at once; `AwsError` for one in S3 that can't be fetched.
    """
    if not isinstance(file, str) or not is_s3(file):
        return load(file)
    if sandbox:
        raise ConfigError(
            f"{file}: a sandbox that starts with this command has no object yet; use a local config, or start "
            "`bulkprof sandbox` and set AWS_ENDPOINT_URL to it"
        )
    data, version = _waited_for(partial(_fetch_config, file))
    settings = parsed(data, file)
    for name, table in settings.plugins.items():
        if (path := table.get("path")) and not Path(str(path)).is_absolute():
            raise ConfigError(
                f"{file}: plugins.{name}.path: {path!r} would be beside the config, and that is in S3; install the "
                "plugin as a package, or write the path from the root on"
            )
    return Config(settings=settings, fetched={file: version})


async def _fetch_config(uri: str) -> tuple[bytes, str]:
    try:
        bucket, key = split_s3_uri(uri)
    except ValueError as error:
        raise ConfigError(f"--config {uri}: {error}") from None
    with temporary_folder() as folder:
        path = folder / "config"
        async with AwsSessions(Organization(), Run()) as sessions, _s3(sessions, uri) as s3:
            version = await download(s3, bucket, key, path)
        return await anyio.to_thread.run_sync(path.read_bytes), version


def _waited_for(work: Callable[[], Awaitable[Any]]) -> Any:
    """Run `work` on an event loop of its own: the caller is a function, in a program that may have a loop already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return anyio.run(work)
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(anyio.run, work).result()
