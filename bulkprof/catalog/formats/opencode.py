"""opencode's `opencode.json` (https://opencode.ai/docs/providers/#amazon-bedrock).

A model's key names the provider and the model, by which opencode knows what it can do; its `id` is what is called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bulkprof.catalog.entries import CatalogEntry, CatalogText
from bulkprof.catalog.formats.one_region import in_region, region_of
from bulkprof.catalog.formats.plain import json_text

_SCHEMA = "https://opencode.ai/config.json"


def opencode(entries: Sequence[CatalogEntry]) -> CatalogText:
    """Return the models of `provider.amazon-bedrock`; several profiles of one model get their names into the key."""
    left_out = [
        f"{entry.place} {entry.name}: the model behind it isn't known" for entry in entries if not entry.model_id
    ]
    known = [entry for entry in entries if entry.model_id]
    region = region_of(known)
    here = in_region(known, region, left_out)
    counts = Counter(entry.model_id for entry in here)
    models: dict[str, dict[str, str]] = {}
    for entry in here:
        key = entry.model_id if counts[entry.model_id] == 1 else f"{entry.model_id}/{entry.name}"
        if key in models:
            left_out.append(f"{entry.place} {entry.name}: another account has a profile of this name and model")
        else:
            models[key] = {"id": entry.arn, "name": entry.name}
    provider = {**({"options": {"region": region}} if region else {}), "models": models}
    return CatalogText(json_text({"$schema": _SCHEMA, "provider": {"amazon-bedrock": provider}}), left_out)
