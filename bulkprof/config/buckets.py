"""The S3 buckets that a config names, which a sandbox has from the start."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bulkprof.config.settings import Settings

_S3 = "s3://"
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def named_buckets(settings: Settings) -> frozenset[str]:
    """Return the buckets of all values that begin with `s3://`, and of all keys `bucket` in tables of plugins."""
    values = [text for _, text in _texts(settings.model_dump()) if text.startswith(_S3)]
    names = [value.removeprefix(_S3).partition("/")[0] for value in values]
    names += [text for key, text in _texts(settings.plugins) if key == "bucket"]
    return frozenset(filter(_NAME.fullmatch, names))


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """All texts in a value, each with the key that it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for inner, each in value.items():
            yield from _texts(each, inner)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each, key)
