"""Kinds of fields that tables of the config share."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

OF_TAGS = r"^[a-zA-Z0-9\s._:/=+@-]*$"
"""The characters of tag keys and values. Lengths are limited beside it: a count in a pattern takes long to compile."""


def _as_tuple(value: Any) -> Any:
    """Let a single value stand for a list of one, as manifests do."""
    return (value,) if isinstance(value, str) else value


_TEXT = {"type": "string"}
Several = Annotated[
    tuple[str, ...],
    BeforeValidator(_as_tuple),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}),
]
Percent = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0)]


class Section(BaseModel):
    """A table of the config; a misspelt key is an error, never ignored."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


def is_s3(name: str) -> bool:
    """Whether a file's name is the address of something in S3."""
    return name.startswith("s3://")


def split_s3_prefix(uri: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://bucket/prefix/`, the prefix with a slash at its end, or empty. Raises `ValueError`."""
    parts = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?", uri)
    if parts is None:
        raise ValueError("write it as s3://bucket/prefix/")
    prefix = (parts[2] or "").strip("/")
    return parts[1], f"{prefix}/" if prefix else ""


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`. Raises `ValueError` that says what is wrong, without quoting the value."""
    parts = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)", uri, re.DOTALL)
    if parts is None:
        raise ValueError("write it as s3://bucket/key, with a bucket's name and an object's key")
    bucket, key = parts.groups()
    if key.endswith("/") or len(key.encode()) > 1024 or not key.isprintable():
        raise ValueError("the key must name an object: no slash at its end, at most 1024 bytes, no control characters")
    return bucket, key
