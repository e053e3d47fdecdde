"""What the schemas are put together from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
ACCOUNT: Schema = {"type": "string", "pattern": "^[0-9]{12}$"}


def described(keys: Mapping[str, tuple[Schema, str]]) -> dict[str, Schema]:
    """Return the properties of an object, of what each is and what it means."""
    return {key: {"description": about, **what} for key, (what, about) in keys.items()}
