"""Names profiles by a template over their row: `{team}-{app}-{env}-{model}`.

```toml
[plugins.naming]
template = "{team}-{app}-{env}-{model}"
case = "lower"
pattern = "[a-z0-9-]+"
enforce = true
```

Names are always valid for AWS, whatever the cells hold: letters become plain ones (`Łódź` is `Lodz`). A name that is
too long is cut and ends in a hash of all of its fields, so two different rows don't get the same name, and a row keeps
its name between runs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema, field_validator, model_validator

from bulkprof.plugins import (
    Cleaned,
    DesiredProfile,
    NeededField,
    Pattern,
    PluginContext,
    PluginSettings,
    field_reader,
    hookimpl,
    missing_field,
)
from bulkprof_naming.shape import are_parts, is_clean, model_label, name_part, with_hash
from bulkprof_naming.template import Template

__all__ = ["NamingSettings", "Plugin"]

_CASES: dict[str, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper}


class NamingSettings(PluginSettings):
    """`[plugins.naming]`."""

    template: Annotated[Template, WithJsonSchema({"type": "string"})]
    """Plain text and fields: any column, `tag:KEY`, `model`, `account`, `region`, and `name` when enforcing."""
    case: Literal["keep", "lower", "upper"] = "keep"
    separator: Literal["-", "_", " "] = "-"
    """Replaces blanks and characters that AWS refuses."""
    pattern: Pattern | None = None
    """A pattern that the whole name must match, besides AWS's own rules."""
    enforce: bool = False
    """Whether profiles with a name of their own must have the one that the template makes."""
    max_length: int = Field(default=64, ge=24, le=64)
    hash: Literal["when-shortened", "when-changed", "always"] = "when-shortened"
    """When names end in a hash: `when-changed` adds it also where a character was replaced (`k8s.io`)."""

    @field_validator("template", mode="before")
    @classmethod
    def _parse_template(cls, value: object) -> Template:
        if not isinstance(value, str):
            raise ValueError("must be a string such as '{team}-{app}-{model}'")  # noqa: TRY004  pydantic wants ValueError
        return Template.parse(value)

    @model_validator(mode="after")
    def _own_name_needs_enforce(self) -> NamingSettings:
        if "name" in self.template.fields and not self.enforce:
            raise ValueError(
                "{name} in the template needs `enforce = true`: else only profiles without a name are asked"
            )
        return self


class Plugin:
    """The plugin: implements `bulkprof_name_profile`."""

    Settings = NamingSettings
    independent_rows = True

    def __init__(self, settings: NamingSettings, _context: PluginContext) -> None:
        self.enforce_names = settings.enforce
        self._settings = settings
        self._layout = settings.template.layout
        self._divided = settings.template.divided
        self._fields = self.fields_read = settings.template.fields
        self.fields_needed = [NeededField(field, "template", names=not settings.enforce) for field in self._fields]
        self._readers = tuple(field_reader(field) for field in self._fields)
        self._model_at = frozenset(index for index, field in enumerate(self._fields) if field == "model")
        # Values repeat in columns; the bound is for columns of unique ones.
        self._part = lru_cache(maxsize=1 << 14)(partial(name_part, separator=settings.separator))
        self._in_case = _CASES.get(settings.case)
        self._max_length = settings.max_length
        self._pattern = settings.pattern
        self._hash_always = settings.hash == "always"
        self._hash_when_changed = settings.hash == "when-changed"

    @hookimpl
    def bulkprof_permissions(self) -> tuple[()]:
        """Return none: the plugin makes no call."""
        return ()

    @hookimpl
    def bulkprof_name_profile(self, profile: DesiredProfile) -> str:
        """Return the profile's name by the template. Raises `ValueError` if a field is missing or the pattern fails."""
        written = [read(profile) for read in self._readers]
        shown = parts = written
        if self._model_at and profile.model == profile.source:
            shown = parts = [model_label(v) if i in self._model_at else v for i, v in enumerate(written)]
        name = self._layout % tuple(shown)
        if not self._divided or not is_clean(name):
            parts = self._parts(profile, written, shown)
            name = self._layout % tuple(parts)
        # A change of case alone doesn't count: with `case = "lower"`, nearly every name would end in a hash.
        changed = self._hash_when_changed and parts != shown
        hashed = len(name) > self._max_length or changed or self._hash_always
        if hashed:
            name = with_hash(name, written, limit=self._max_length, separator=self._settings.separator)
        if self._in_case:
            name = self._in_case(name)
        if self._pattern is not None and not self._pattern.fullmatch(name):
            raise ValueError(f"the name {name!r} doesn't match the naming pattern {self._pattern.pattern!r}")
        # A hash of what was given tells it from all others. A change of case is plain to see.
        return name if hashed or parts == shown else Cleaned(name, self._layout % tuple(written))

    def _parts(self, profile: DesiredProfile, written: list[str], shown: list[str]) -> list[str]:
        """Return the values as parts of a name. Raises `ValueError` if a field is missing or nothing of it is left."""
        if not all(written):
            raise ValueError(f"the naming template {missing_field(profile, self._fields[written.index('')])}")
        parts = shown if are_parts(shown) else list(map(self._part, shown))
        if not all(parts):
            at = parts.index("")
            raise ValueError(f"the column {self._fields[at]!r} holds nothing that a name may hold: {written[at]!r}")
        return parts
