"""Writes a file as an S3 object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkprof.aws.errors.mapping import aws_errors, sdk_alone
from bulkprof.aws.operations import S3Operation
from bulkprof.aws.s3_object import CONDITION_FAILED
from bulkprof.aws.transport.responses import checked
from bulkprof.config import split_s3_uri
from bulkprof.errors import AccessDeniedError, AwsError, UsageError

if TYPE_CHECKING:
    from bulkprof.plugins import ClientFactory


async def write_text(client: ClientFactory, uri: str, text: str) -> None:
    """Put `text` as the object `s3://bucket/key`, as `write_bytes` does."""
    await write_bytes(client, uri, text.encode(), "text/plain; charset=utf-8")


async def write_bytes(client: ClientFactory, uri: str, data: bytes, content_type: str, *, new: bool = False) -> bool:
    """Put `data` as the object `s3://bucket/key`, whole or not at all.

    Returns whether that was done: with `new`, an object that is there already isn't overwritten. Raises `UsageError`
    for another kind of URI, and `AwsError`.
    """
    try:
        bucket, key = split_s3_uri(uri)
    except ValueError as error:
        raise UsageError(f"{uri!r}: {error}") from None
    condition = {"IfNoneMatch": "*"} if new else {}
    try:
        with aws_errors(S3Operation.PUT, uri), sdk_alone():
            async with client("s3") as s3:
                response = await s3.put_object(Bucket=bucket, Key=key, Body=data, ContentType=content_type, **condition)
                checked("s3", S3Operation.PUT, response)
                return True
    except AccessDeniedError as error:
        message = f"{error.message}; allow s3:PutObject on it"
        raise AccessDeniedError(message, code=error.code, operation=error.operation, where=uri) from None
    except AwsError as error:
        if new and error.code in CONDITION_FAILED:
            return False
        raise
