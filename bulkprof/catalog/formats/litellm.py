"""LiteLLM's `model_list` (https://docs.litellm.ai/docs/providers/bedrock).

`model` holds the real model's id, so that LiteLLM knows its prices and abilities; `model_id` is what it calls. Entries
of one name are one group to LiteLLM, which shares calls out among them: for the same name in several Regions, that is
just what is wanted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from bulkprof.catalog.entries import CatalogEntry, CatalogText, unknown_model

_SESSION = "litellm"


def litellm(entries: Sequence[CatalogEntry]) -> CatalogText:
    """Return the YAML of a `model_list`. Profiles whose model or role isn't known are left out."""
    lines, left_out = ["model_list:"], []
    for entry in entries:
        if not entry.model_id:
            left_out.append(unknown_model(entry))
        elif entry.foreign and not entry.role_arn:
            left_out.append(
                f"{entry.place} {entry.name}: is in another account, and no role is set to call it from there; "
                "set [catalog] role"
            )
        else:
            lines.extend(_entry(entry))
    if len(lines) == 1:
        lines = ["model_list: []"]
    return CatalogText("\n".join(lines) + "\n", left_out)


def _entry(entry: CatalogEntry) -> list[str]:
    params = {
        "model": f"bedrock/{entry.model_id}",
        "model_id": entry.arn,
        "aws_region_name": entry.region,
    }
    if entry.foreign:
        # LiteLLM assumes a role only where it has a name for the session, too.
        params |= {"aws_role_name": entry.role_arn, "aws_session_name": _SESSION}
    # Any JSON string is a YAML string, whatever the value looks like.
    return [
        f"  - model_name: {json.dumps(entry.name)}",
        "    litellm_params:",
        *(f"      {key}: {json.dumps(value)}" for key, value in params.items()),
    ]
