"""opencode's `opencode.json` (https://opencode.ai/docs/providers/#amazon-bedrock).

A model's `id` is what is called; by its key, which holds the model's real id, opencode tells Anthropic's models, whose
prompts it caches. Prices and limits it has for ids of its own list only, so people may want to add them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bulkprof.catalog.entries import CatalogEntry, CatalogText, unknown_model
from bulkprof.catalog.formats.one_place import in_one_place
from bulkprof.catalog.formats.plain import json_text

_SCHEMA = "https://opencode.ai/config.json"


def opencode(entries: Sequence[CatalogEntry]) -> CatalogText:
    """Return the models of `provider.amazon-bedrock`; several profiles of one model get their names into the key."""
    left_out = [unknown_model(entry) for entry in entries if not entry.model_id]
    here = in_one_place([entry for entry in entries if entry.model_id], left_out)
    counts = Counter(entry.model_id for entry in here)
    models: dict[str, dict[str, str]] = {}
    for entry in here:
        key = entry.model_id if counts[entry.model_id] == 1 else f"{entry.model_id}/{entry.name}"
        if key in models:
            left_out.append(f"{entry.place} {entry.name}: {models[key]['id']} has this name and model, too")
        else:
            models[key] = {"id": entry.arn, "name": entry.name}
    provider = {**({"options": {"region": here[0].region}} if here else {}), "models": models}
    return CatalogText(json_text({"$schema": _SCHEMA, "provider": {"amazon-bedrock": provider}}), left_out)
