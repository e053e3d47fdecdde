"""The page of config keys, made from the schema of `bulkprof.toml`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bulkprof.schemas.config import make
from tools.site.tables import cell, code, table

_KINDS = {"array": "list", "object": "table", "string": "text", "boolean": "true or false"}


def lines() -> Iterator[str]:
    """Return the page's lines."""
    schema = make()
    yield "# Config keys"
    yield ""
    yield "`bulkprof.toml` in the working directory, or the file that `--config` names. Unknown keys are refused."
    yield "[samples/bulkprof.toml](../source/samples/bulkprof.toml.md) is a complete one with comments."
    yield ""
    yield "## At the top"
    yield ""
    yield "Keys that stand in no table."
    yield ""
    yield from _keys(schema, schema["$defs"], "")


def _keys(section: Mapping[str, Any], tables: Mapping[str, Any], path: str) -> Iterator[str]:
    """The table of a section's keys, then the sections in it."""
    rows, inner = [], []
    required = section.get("required", ())
    for key, field in section["properties"].items():
        place = f"{path}{key}"
        if "$ref" in field:
            inner.append((f"[{place}]", place, field))
        elif "properties" in field:
            inner += [(f"[{place}.{name}]", f"{place}.{name}", each) for name, each in field["properties"].items()]
        else:
            if "$ref" in field.get("items", {}):
                inner.append((f"[[{place}]]", place, field["items"]))
            says = field.get("description", "")
            default = "needed" if key in required else code(_toml(field.get("default")))
            rows.append((code(key), _kind(field), default, cell(says)))
    if rows:
        yield from table(("key", "type", "default", "meaning"), rows)
    for title, place, reference in inner:
        found = tables[reference["$ref"].rpartition("/")[2]]
        yield f"## `{title}`"
        yield ""
        # A plugin's settings may say no more than whose they are.
        if (says := found.get("description", "")).strip("`.") != title:
            yield from (says, "")
        yield from _keys(found, tables, f"{place}.")


def _kind(field: Mapping[str, Any]) -> str:
    """What a value may be, in words of TOML."""
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(map(_kind, field["anyOf"])))
    if "enum" in field:
        return " or ".join(code(json.dumps(each)) for each in field["enum"])
    if "type" not in field:
        return "any"
    above = "exclusiveMinimum" in field
    low, high = field.get("minimum", field.get("exclusiveMinimum")), field.get("maximum")
    limits = "" if low is None else f", {'more than ' * above}{low:g}"
    limits += "" if high is None else f" to {high:g}"
    return _KINDS.get(field["type"], field["type"]) + limits


def _toml(value: object) -> str:
    """A default as the config would have it; nothing where there is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value in (None, {}, "") else json.dumps(value, ensure_ascii=False)
