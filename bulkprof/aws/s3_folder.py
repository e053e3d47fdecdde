"""The objects under a prefix as files in a folder: manifests and config for machines that have no disk of their own."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread

from bulkprof.aws.errors_map import aws_errors
from bulkprof.errors import AccessDeniedError, ConfigError

if TYPE_CHECKING:
    from bulkprof.plugins import ClientFactory

MOST_BYTES: Final = 256 * 1024 * 1024
"""What is fetched at most: a prefix that holds more is not a folder of manifests, and would fill a small disk."""


def split_s3_folder(uri: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://bucket/prefix`; the prefix ends in a slash or is empty. Raises `ConfigError`."""
    parts = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?", uri)
    if parts is None:
        raise ConfigError(f"{uri!r}: write it as s3://bucket/prefix/")
    prefix = (parts[2] or "").strip("/")
    return parts[1], f"{prefix}/" if prefix else ""


async def fetch_folder(client: ClientFactory, uri: str, into: Path) -> int:
    """Fetch all objects under `uri` (`s3://bucket/prefix/`) into the folder `into`; answers how many there were.

    Raises `AwsError` or `ConfigError`; what was fetched until then stays behind.
    """
    bucket, prefix = split_s3_folder(uri)
    count = size = 0
    async with client("s3") as s3:
        with aws_errors("ListObjectsV2", uri):
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            listed = [each async for page in pages for each in page.get("Contents", ())]
        for each in listed:
            name = each["Key"].removeprefix(prefix)
            if name.endswith("/") or not name:
                # What consoles make where somebody asks for a folder.
                continue
            size += each["Size"]
            if size > MOST_BYTES:
                raise ConfigError(f"{uri}: holds more than {MOST_BYTES >> 20} MiB; name a prefix of manifests only")
            await _fetch(s3, bucket, each["Key"], _place(into, name, uri))
            count += 1
    return count


def _place(into: Path, name: str, uri: str) -> Path:
    """Where an object goes. Its key may be any text, and must not lead out of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not name.isprintable():
        raise ConfigError(f"{uri}: the key {name!r} can't be a file's name; rename or remove the object")
    return into / path


async def _fetch(s3: Any, bucket: str, key: str, path: Path) -> None:
    where = f"s3://{bucket}/{key}"
    try:
        with aws_errors("GetObject", where):
            answer = await s3.get_object(Bucket=bucket, Key=key)
            async with answer["Body"] as body:
                data = await body.read()
    except AccessDeniedError as error:
        message = f"{error.message}; manifests need s3:GetObject on the objects, and kms:Decrypt where they have a key"
        raise AccessDeniedError(message, code=error.code, operation=error.operation, where=where) from None
    await anyio.to_thread.run_sync(_write, path, data, where)


def _write(path: Path, data: bytes, where: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise ConfigError(f"{where}: can't be kept as {path}: {error.strerror}") from None
