"""The formats of catalogs: bulkprof's own, and those of plugins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bulkprof.catalog.entries import CatalogEntry, CatalogFormat, CatalogText
from bulkprof.catalog.formats import FORMATS
from bulkprof.errors import PluginError
from bulkprof.plugins.registry import Registry

_HOOK = "bulkprof_catalog_formats"
_NAME = re.compile(r"[a-z][a-z0-9-]*")


def catalog_formats(registry: Registry) -> Mapping[str, CatalogFormat]:
    """Return all formats by name. Raises `PluginError` for a name that is taken, or what is no format."""
    found: dict[str, CatalogFormat] = dict(FORMATS)
    owners: dict[str, str] = {}
    for plugin, formats in registry.gather(_HOOK):
        if not isinstance(formats, Mapping):
            raise PluginError(plugin, f"{_HOOK} returns formats by name, not {type(formats).__name__}")
        for name, made in formats.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise PluginError(plugin, f"{_HOOK}: {name!r} is no name of a format, such as my-gateway")
            if not callable(made):
                raise PluginError(plugin, f"{_HOOK}: {name} is no function")
            if name in found:
                other = f"plugin {owners[name]!r}" if name in owners else "bulkprof"
                raise PluginError(plugin, f"{_HOOK}: {other} has a format {name} already")
            owners[name] = plugin
            found[name] = _checked(plugin, name, made)
    return found


def _checked(plugin: str, name: str, made: CatalogFormat) -> CatalogFormat:
    def catalog(entries: Sequence[CatalogEntry]) -> CatalogText:
        try:
            text = made(entries)
        except Exception as error:
            raise PluginError(plugin, f"format {name}: {type(error).__name__}: {error}") from error
        if not isinstance(text, CatalogText):
            raise PluginError(plugin, f"format {name} returns a CatalogText, not {type(text).__name__}")
        return text

    return catalog
