"""Formats that any program reads: JSON, CSV, environment variables, and variables of Terraform."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import Any

from bulkprof.catalog.entries import FIELDS, CatalogEntry, CatalogText
from bulkprof.catalog.naming import unique_names

_NO_VARIABLE = re.compile(r"[^A-Z0-9]+")
_VARIABLE = "BEDROCK_PROFILE"


def json_text(value: Any) -> str:
    """Return a file of JSON, indented."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def as_json(entries: Sequence[CatalogEntry]) -> CatalogText:
    """Return a JSON array of objects with all fields."""
    return CatalogText(json_text([entry.as_json() for entry in entries]))


def as_csv(entries: Sequence[CatalogEntry]) -> CatalogText:
    """Return CSV with all fields; the tags are a JSON object in one cell."""
    stream = io.StringIO()
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow([*FIELDS, "tags"])
    for entry in entries:
        rows.writerow([*(entry.get(name) for name in FIELDS), json.dumps(dict(entry.tags), ensure_ascii=False)])
    return CatalogText(stream.getvalue())


def as_env(entries: Sequence[CatalogEntry]) -> CatalogText:
    """Return a line `BEDROCK_PROFILE_SEARCH_RANKING=arn:…` for each profile, as shells and `.env` readers take it."""
    named = unique_names(entries, _variable)
    return CatalogText("".join(f"{name}={entry.arn}\n" for name, entry in named))


def _variable(parts: Sequence[str]) -> str:
    return "_".join([_VARIABLE, *(_NO_VARIABLE.sub("_", part.upper()).strip("_") for part in parts)])


def as_tfvars(entries: Sequence[CatalogEntry]) -> CatalogText:
    """Return a `.auto.tfvars.json` of Terraform: the variable `bedrock_profiles`, a map by name."""
    profiles = {
        name: {"arn": entry.arn, "region": entry.region, "account": entry.account, "model": entry.model_id}
        for name, entry in unique_names(entries, "/".join)
    }
    return CatalogText(json_text({"bedrock_profiles": profiles}))
