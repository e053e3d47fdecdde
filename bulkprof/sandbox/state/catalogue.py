"""The models that the sandbox offers: foundation models, and the system profiles over them.

`catalogue.json` holds the data. A system profile `us.X` exists in each home Region of its geography and
lists the model's ARN in all of them; `global.X` exists in every commercial Region and lists the region-less
ARN besides the home Region's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

SYSTEM_PROFILES_SINCE: Final = "2025-01-15T00:00:00Z"

_PARTITION_PREFIXES: Final = {
    "us-gov-": "aws-us-gov",
    "cn-": "aws-cn",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "eu-isoe-": "aws-iso-e",
    "eusc-": "aws-eusc",
}
_LIFECYCLE: Final = {"legacyTime": "legacy", "publicExtendedAccessTime": "extended", "endOfLifeTime": "end"}
"""Dates of a model's retirement: AWS's names, and those in `catalogue.json`."""


def partition_of(region: str) -> str:
    """Return the partition of a Region."""
    for prefix, partition in _PARTITION_PREFIXES.items():
        if region.startswith(prefix):
            return partition
    return "aws"


def model_arn(region: str, model_id: str, *, home: str | None = None) -> str:
    """Return the ARN of a foundation model. An empty Region gives the region-less form, in the partition of `home`."""
    return f"arn:{partition_of(home or region)}:bedrock:{region}::foundation-model/{model_id}"


@dataclass(frozen=True, slots=True)
class SystemProfile:
    """A cross-Region profile that AWS defines, as seen from one home Region."""

    id: str
    name: str
    description: str
    models: tuple[str, ...]
    """Foundation model ARNs."""


@cache
def _data() -> dict[str, Any]:
    text = files("bulkprof.sandbox").joinpath("catalogue.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@cache
def foundation_models(region: str) -> dict[str, dict[str, Any]]:
    """Return the FoundationModelSummary of each model of the Region, by model id."""
    return {
        model["id"]: {
            "modelArn": model_arn(region, model["id"]),
            "modelId": model["id"],
            "modelName": model["name"],
            "providerName": model["provider"],
            "inputModalities": model["inputs"],
            "outputModalities": model["outputs"],
            "responseStreamingSupported": model["streaming"],
            "customizationsSupported": model["customizations"],
            "inferenceTypesSupported": model["inference"],
            "modelLifecycle": {
                "status": model["lifecycle"],
                **{member: f"{model[key]}T00:00:00Z" for member, key in _LIFECYCLE.items() if key in model},
            },
        }
        for model in _data()["models"]
    }


@cache
def system_profiles(region: str) -> dict[str, SystemProfile]:
    """Return the system profiles that can be called from the Region, by id."""
    geographies: dict[str, list[str]] = _data()["geographies"]
    profiles = {}
    for model in _data()["models"]:
        label = f"{model['provider']} {model['name']}"
        for geography in model["geographies"]:
            profile_id = f"{geography}.{model['id']}"
            arns: tuple[str, ...]
            if geography == "global":
                if partition_of(region) != "aws":
                    continue
                arns = (model_arn("", model["id"], home=region), model_arn(region, model["id"]))
                where = "globally across all supported AWS Regions"
            elif region in geographies[geography]:
                homes = geographies[geography]
                arns = tuple(model_arn(home, model["id"]) for home in homes)
                where = f"in {', '.join(homes[:-1])} and {homes[-1]}"
            else:
                continue
            title = geography.capitalize() if geography == "global" else geography.upper()
            name = f"{title} {label}"
            profiles[profile_id] = SystemProfile(profile_id, name, f"Routes requests to {label} {where}.", arns)
    return profiles
