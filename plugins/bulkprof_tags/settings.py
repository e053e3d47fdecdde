"""The settings `[plugins.tags]`, validated before the first row is read."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from bulkprof.plugins import Pattern, PluginSettings, tag_key_fault, tag_value_fault


def _tag_key(key: str) -> str:
    if fault := tag_key_fault(key):
        raise ValueError(f"{fault.reason}; {fault.remedy}")
    return key


def _tag_value(value: str) -> str:
    if fault := tag_value_fault(value):
        raise ValueError(f"{fault.reason}; {fault.remedy}")
    return value


_TEXT = {"type": "string"}
TagKey = Annotated[str, AfterValidator(_tag_key)]
TagValue = Annotated[str, AfterValidator(_tag_value)]


def _columns(value: object) -> object:
    """Return tag keys with their columns; a list of columns stands for tags of the same names."""
    return {column: column for column in value} if isinstance(value, list) else value


def _allowed(value: object) -> object:
    # Decided here, so that a mistake gets one message and not one for each member of the union.
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return tuple(value)
    if isinstance(value, str):
        return Pattern(value)
    raise ValueError("must be a list of values, or a regular expression")


Allowed = Annotated[tuple[str, ...] | Pattern, BeforeValidator(_allowed)]


class LookupSettings(PluginSettings):
    """One lookup file: a CSV with a header, a line for each value of the field `by`."""

    file: str
    """Relative to the config's folder."""
    by: str = Field(min_length=1)
    """The field whose value is looked up, and the file's column of the same name."""
    tags: dict[TagKey, str] = Field(min_length=1)
    """Tag keys, each with the file's column that holds its value."""
    missing: Literal["error", "skip"] | dict[TagKey, TagValue] = "error"
    """For a value that the file doesn't have: refuse the row, leave the tags out, or use these."""


class TagsSettings(PluginSettings):
    """`[plugins.tags]`."""

    fixed: dict[TagKey, TagValue] = Field(default_factory=dict)
    """Tags of every profile."""
    columns: Annotated[
        dict[TagKey, str],
        BeforeValidator(_columns),
        WithJsonSchema(
            {"anyOf": [{"type": "object", "additionalProperties": _TEXT}, {"type": "array", "items": _TEXT}]}
        ),
    ] = Field(default_factory=dict)
    """Tag keys, each with the field that holds its value; or a list of columns, for tags of the same names."""
    lookup: tuple[LookupSettings, ...] = ()
    required: tuple[TagKey, ...] = ()
    """Keys that every profile must have in the end, wherever they come from."""
    allowed: dict[TagKey, Allowed] = Field(default_factory=dict)
    """Tag keys, each with its allowed values or a regular expression that the whole value must match."""
    clean: bool = False
    """Whether values are written as AWS takes them: letters in plain ones, and a blank in place of what it refuses.

    Otherwise a value that it refuses is a problem of its row.
    """

    @model_validator(mode="after")
    def _one_source_a_key(self) -> TagsSettings:
        keys = [*self.fixed, *self.columns, *(key for lookup in self.lookup for key in lookup.tags)]
        doubled = [key for key, count in Counter(keys).items() if count > 1]
        if doubled:
            raise ValueError(f"the tag {doubled[0]!r} is set in two places")
        for lookup in self.lookup:
            if isinstance(lookup.missing, dict) and not lookup.missing.keys() <= lookup.tags.keys():
                raise ValueError(f"lookup {lookup.file}: `missing` may only name keys of its `tags`")
        return self
