"""The names of parameters, made of what is known of a profile also when it is deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bulkprof.plugins import Allowed, CatalogEntry, PathTemplate, Target, clean

LEVELS: Final = 15
LENGTH: Final = 1011
"""SSM's limits for a name: the slashes in it, and its characters."""
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/")
_RESERVED: Final = ("aws", "ssm")
_FIELDS: Final = ("name", "account", "region")
_VALUES: Final = Allowed("._", "-", "-", LENGTH)
"""What a value may hold in a name: no slash, so that none adds a level."""


class ParameterTemplate:
    """A name with fields in braces: `/bedrock/{tag:Team}/{name}`."""

    def __init__(self, text: str) -> None:
        """Raises `ValueError` for what can't become the name of a parameter."""
        self.text = text
        self._path = PathTemplate(text)
        if wrong := [name for name in self._path.fields if name not in _FIELDS and not name.startswith("tag:")]:
            raise ValueError(
                f"{{{wrong[0]}}} can't be used: of a deleted profile it isn't known, and its parameter would stay; the "
                f"fields are {', '.join(_FIELDS)} and tag:KEY"
            )
        if not self._path.fields:
            raise ValueError("needs a field, such as {name}: all profiles would share one parameter")
        tags = {name.removeprefix("tag:"): "x" for name in self._path.fields}
        sample = self.name_for("x", Target("x", "x"), tags)
        if strange := sorted(set(sample) - _PLAIN):
            raise ValueError(f"{strange[0]!r} can't be in a parameter's name: letters, digits and . - _ / can")
        if "/" in sample and not sample.startswith("/"):
            raise ValueError("must begin with '/', as it has several levels")
        if "//" in sample or sample.endswith("/"):
            raise ValueError("has a level without a name: no '//', and no '/' at the end")
        if sample.count("/") > LEVELS:
            raise ValueError(f"has {sample.count('/')} levels; SSM takes {LEVELS}")
        if self.beginning and (fault := name_fault(self.beginning)):
            raise ValueError(fault)

    @property
    def beginning(self) -> str:
        """What all names begin with; empty where they begin with a field."""
        return self.text.partition("{")[0]

    def name_for(self, name: str, target: Target, tags: Mapping[str, str]) -> str:
        """Return a profile's parameter, or an empty string where it lacks a field."""
        fit = {key: clean(value, _VALUES) for key, value in tags.items()}
        return self._path.path(CatalogEntry(clean(name, _VALUES), "", target.account, target.region, tags=fit))

    def missing(self, tags: Mapping[str, str]) -> str:
        """Return the first field that a profile with these tags lacks."""
        keys = (name for name in self._path.fields if name.startswith("tag:"))
        return next((key for key in keys if not clean(tags.get(key.removeprefix("tag:"), ""), _VALUES)), "name")


def name_fault(name: str) -> str:
    """Return why SSM would refuse a name that was made of a template; empty where it wouldn't."""
    if name.lstrip("/").lower().startswith(_RESERVED):
        return f"{name}: a name that begins with aws or ssm is AWS's own"
    if len(name) > LENGTH:
        return f"{name[:60]}…: is {len(name)} characters long; SSM takes {LENGTH}"
    return ""
