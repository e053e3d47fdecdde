"""JSON Schemas (draft 2020-12) of what people write and programs read, made from the code.

`bulkprof schema NAME` prints one. The same are files beside this one, for programs that don't run bulkprof.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from importlib import import_module
from typing import Any

from bulkprof.text.printable import json_text

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class SchemaName(StrEnum):
    """What there is a schema of; each is made in the module of its name."""

    MANIFEST = "manifest"
    CONFIG = "config"
    RESULTS = "results"
    SUMMARY = "summary"


def json_schema(name: SchemaName) -> dict[str, Any]:
    """Return the schema of `name`."""
    make: Callable[[], dict[str, Any]] = import_module(f"bulkprof.schemas.{name}").make
    return {"$schema": DIALECT, **make()}


def schema_text(name: SchemaName) -> str:
    """Return the schema of `name` as the text of a file."""
    return json_text(json_schema(name), ascii_only=True, indent=2) + "\n"
