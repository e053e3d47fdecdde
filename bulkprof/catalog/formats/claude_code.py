"""Claude Code's `settings.json` (https://code.claude.com/docs/en/amazon-bedrock).

Claude Code calls one Region with one set of credentials, and knows each model once, by Anthropic's own id. Of several
profiles of a model it can use one only: choose with `--where`, or write a file for each team.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bulkprof.catalog.entries import CatalogEntry, CatalogText, unknown_model
from bulkprof.catalog.formats.one_place import in_one_place
from bulkprof.catalog.formats.plain import json_text

_PROVIDER = "anthropic."
_REVISION = re.compile(r"-v\d+(?::[\w:]+)?$")
_DATE = 8
"""Digits of a date in an id."""
_FAMILIES = ("opus", "sonnet", "haiku", "fable")
"""For each it has a default model, which a variable sets."""


def claude_code(entries: Sequence[CatalogEntry]) -> CatalogText:
    """Return the settings: which ARN stands for which model, the Region, and the default model of each family."""
    left_out: list[str] = []
    usable = [entry for entry in entries if _is_usable(entry, left_out)]
    here = in_one_place(usable, left_out)
    chosen: dict[str, CatalogEntry] = {}
    for entry in here:
        model = anthropic_id(entry.model_id)
        if first := chosen.get(model):
            left_out.append(f"{entry.place} {entry.name}: {model} is {first.name} already; choose one with --where")
        else:
            chosen[model] = entry
    env = {"CLAUDE_CODE_USE_BEDROCK": "1", **({"AWS_REGION": here[0].region} if here else {})}
    for family in _FAMILIES:
        # The newest of a family: ids end in their date or version.
        if models := sorted((model for model in chosen if family in model), key=_version):
            entry = chosen[models[-1]]
            variable = f"ANTHROPIC_DEFAULT_{family.upper()}_MODEL"
            env |= {variable: entry.arn, f"{variable}_NAME": entry.name}
    overrides = {model: entry.arn for model, entry in sorted(chosen.items())}
    return CatalogText(json_text({"env": env, "modelOverrides": overrides}), left_out)


def _is_usable(entry: CatalogEntry, left_out: list[str]) -> bool:
    if not entry.model_id:
        left_out.append(unknown_model(entry))
    elif not entry.model_id.startswith(_PROVIDER):
        left_out.append(f"{entry.place} {entry.name}: {entry.model_id} is no model of Anthropic's")
    else:
        return True
    return False


def anthropic_id(model_id: str) -> str:
    """Return Anthropic's own id of a model: `claude-opus-4-6` of `anthropic.claude-opus-4-6-v1:0`."""
    return _REVISION.sub("", model_id.removeprefix(_PROVIDER))


def _version(model: str) -> tuple[tuple[int, ...], str]:
    """Order the models of a family: by the version in their id, then by the date at its end."""
    numbers = re.findall(r"\d+", model)
    version = tuple(int(number) for number in numbers if len(number) < _DATE)
    return version, "".join(number for number in numbers if len(number) >= _DATE)
