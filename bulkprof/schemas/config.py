"""The schema of `bulkprof.toml`: its tables, and those of the plugins that come with bulkprof.

It says what each value may be by itself. What values have to be together, such as two that exclude each other, only
bulkprof says when it reads them.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from bulkprof.config import Settings
from bulkprof.plugins.loading import shipped_settings

_ENABLED = {"type": "boolean", "default": True, "description": "Whether the plugin runs."}
_PATH = {"type": "string", "description": "The plugin's Python file, relative to the config's folder."}


def make() -> dict[str, Any]:
    """Return the schema of the whole file. Imports the plugins that come with bulkprof."""
    plugins = shipped_settings()
    models = [(model, "validation") for model in (Settings, *plugins.values())]
    references, made = models_json_schema(models, schema_generator=_Described)  # type: ignore[arg-type]
    tables = made["$defs"]
    named = {model: reference["$ref"].rpartition("/")[2] for (model, _), reference in references.items()}
    whole = tables.pop(named[Settings])
    for model in plugins.values():
        tables[named[model]]["properties"]["enabled"] = _ENABLED
    whole["properties"]["plugins"] |= {
        "properties": {name: {"$ref": f"#/$defs/{named[model]}"} for name, model in plugins.items()},
        # What others take is for them to say.
        "additionalProperties": {"type": "object", "properties": {"path": _PATH, "enabled": _ENABLED}},
    }
    return {"title": "bulkprof.toml", **whole, "$defs": tables}


class _Described(GenerateJsonSchema):
    """Describes fields by the docstrings below them; says nothing of null, which TOML doesn't have."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - of the base class
        """Return False: a title would only repeat the key."""
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Return what a value is where there is one."""
        return self.generate_inner(schema["schema"])

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Return the schema of a table."""
        made = super().model_schema(schema)
        del made["title"]
        about = _docstrings(schema["cls"])
        for key, field in made["properties"].items():
            if key in about:
                field["description"] = about[key]
            # The defaults of a whole table stand at its keys; None stands for a value that isn't there.
            if "$ref" in field or field.get("default", "") is None:
                field.pop("default", None)
        return made


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The docstrings of a model's fields, which Python itself doesn't keep."""
    found = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            (defined,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
            for field, text in pairwise(getattr(defined, "body", ())):
                match field, text:
                    case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                        found[name] = " ".join(words.split())
    return found
