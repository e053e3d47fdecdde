"""Manifests and config in S3: each object is fetched once, into a private file that is read like any other."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import anyio
import anyio.to_thread

from bulkprof.aws import AwsSessions
from bulkprof.aws.errors.mapping import aws_errors
from bulkprof.aws.s3_download import Listed, MissingObjectError, download
from bulkprof.aws.s3_folder import list_folder, split_s3_folder
from bulkprof.config import Organization, Run, is_s3, split_s3_uri
from bulkprof.errors import ConfigError
from bulkprof.manifests.readers import merge_readers
from bulkprof.manifests.workbooks.places import is_workbook, split_label
from bulkprof.store.run import RunFile
from bulkprof.system.temporary import on_temporary_disk, temporary_folder
from bulkprof.workflows.steps.connect import way_in
from bulkprof.workflows.steps.context import Fetched, Workspace

EMPTY_SANDBOX = (
    "the sandbox of --sandbox begins without objects: to read some, start `bulkprof sandbox`, upload them there, and "
    "set AWS_ENDPOINT_URL to it instead of --sandbox"
)


async def fetch(work: Workspace, run: RunFile, manifests: Sequence[str]) -> Fetched:
    """Return the manifests as they are read, those of S3 from this disk, where they come once for a command.

    Their versions are kept with the run. Raises `ConfigError`, `AwsError`, `StateError` and `StopRequestedError`.
    """
    if work.fetched is None:
        with on_temporary_disk():
            # Its owner alone may enter it.
            folder = tempfile.mkdtemp(prefix="bulkprof-")
        weakref.finalize(work, shutil.rmtree, folder, ignore_errors=True)
        readers = merge_readers(work.registry)
        async with anyio.create_task_group() as group:
            group.start_soon(work.cancel_at_stop, group.cancel_scope)
            try:
                work.fetched = await _fetch_manifests(partial(way_in, work), manifests, readers, Path(folder))
            except MissingObjectError as error:
                if work.options.sandbox:
                    raise ConfigError(f"{error} ({EMPTY_SANDBOX})") from None
                raise
            details = run.details()
            run.note(
                fetched={**details.fetched, **work.fetched.versions},
                # What is in a folder wasn't known when the run began.
                results_columns=details.results_columns or any(map(is_workbook, work.fetched.labels)),
            )
            group.cancel_scope.cancel()
        # It is there, unless the run stops.
        await work.stop.pause(0)
    return work.fetched or Fetched(manifests)


async def _fetch_manifests(
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
    async with opened() as way, way as sessions, s3_client(sessions, next(filter(is_s3, manifests))) as s3:
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
async def s3_client(sessions: AwsSessions, uri: str) -> AsyncIterator[Any]:
    """A client of S3, as long as the block runs. Raises `AwsError` that names `uri`."""
    async with AsyncExitStack() as stack:
        with aws_errors("", uri):
            s3 = await stack.enter_async_context(sessions.client("s3"))
        yield s3


async def _objects(s3: Any, manifest: str, suffixes: Collection[str]) -> list[tuple[str, Listed | str, str]]:
    """The objects that a manifest's URI names: the URI of each, how it is asked for, and the sheet that is meant."""
    if not manifest.endswith("/"):
        # Behind any other ending than a workbook's, a `#` belongs to the object's key.
        uri, sheet = split_label(manifest)
        try:
            _, key = split_s3_uri(uri)
        except ValueError as error:
            raise ConfigError(f"{manifest}: {error}; a folder's address ends in a slash") from None
        return [(uri, key, f"#{sheet}" if sheet else "")]
    bucket, _ = split_s3_folder(manifest)
    below = [each for each in await list_folder(s3, manifest) if PurePosixPath(each.key).suffix.lower() in suffixes]
    if not below:
        # With --prune, an empty folder would be a wish to delete.
        known = ", ".join(sorted(suffixes))
        raise ConfigError(f"{manifest}: no object below it is a manifest ({known}); check the prefix")
    return [(f"s3://{bucket}/{each.key}", each, "") for each in below]


async def fetch_config(uri: str) -> tuple[bytes, str]:
    """Return a config in S3, and its version. Raises `ConfigError`, `AwsError`, `StateError`."""
    try:
        bucket, key = split_s3_uri(uri)
    except ValueError as error:
        raise ConfigError(f"{uri}: {error}") from None
    with temporary_folder() as folder:
        path = folder / "config"
        async with AwsSessions(Organization(), Run()) as sessions, s3_client(sessions, uri) as s3:
            version = await download(s3, bucket, key, path)
        return await anyio.to_thread.run_sync(path.read_bytes), version
