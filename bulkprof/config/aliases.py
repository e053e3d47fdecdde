"""The config's `[models]`: what an alias may stand for, the same in every Region or a model for each.

```toml
[models]
nova = "amazon.nova-lite-v1:0"
sonnet = { us = "us.anthropic.claude-…", eu-west-1 = "eu.anthropic.claude-…", default = "anthropic.claude-…" }
```
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import TypeAdapter, ValidatorFunctionWrapHandler, WrapValidator

DEFAULT_KEY = "default"
"""The key of an alias's table that counts where no other fits."""
_KEY = re.compile(r"[a-z]{2,}(?:-[a-z0-9]+)*")
_SHOWN = "write a Region or its beginning, such as us, us-gov or eu-west-1, or default"
_TEXT = TypeAdapter(str)
_TABLE = TypeAdapter(dict[str, str])


def _check(value: Any, _handler: ValidatorFunctionWrapHandler) -> Any:
    """Tell what is wrong with the form that is meant: pydantic would tell of each value that it isn't the other."""
    if not isinstance(value, Mapping):
        return _TEXT.validate_python(value)
    if not value:
        raise ValueError(f"stands for no model; {_SHOWN}")
    if wrong := [key for key in value if not _KEY.fullmatch(str(key))]:
        names = ", ".join(map(repr, wrong))
        raise ValueError(f"{names} can't be the key{'s' * (len(wrong) > 1)} of a model by Region; {_SHOWN}")
    return _TABLE.validate_python(value)


ModelAlias: TypeAlias = Annotated[str | Mapping[str, str], WrapValidator(_check)]
"""One model, or a table of them by Region or the beginning of Regions."""


def models_by_region(aliases: Mapping[str, str | Mapping[str, str]]) -> frozenset[str]:
    """Return all models of those aliases that stand for a table."""
    tables = [meant for meant in aliases.values() if not isinstance(meant, str)]
    return frozenset(model for table in tables for model in table.values())


def model_in(alias: str | Mapping[str, str], region: str) -> str | None:
    """Return what an alias stands for in `region`: of a table's keys, the longest that fits counts, else `default`.

    None where a table has neither.
    """
    if isinstance(alias, str):
        return alias
    fitting = [key for key in alias if region == key or region.startswith(f"{key}-")]
    return alias[max(fitting, key=len)] if fitting else alias.get(DEFAULT_KEY)
