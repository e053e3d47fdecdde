"""The formats of a catalog that bulkprof has itself; plugins add others."""

from __future__ import annotations

from collections.abc import Mapping

from bulkprof.catalog.entries import CatalogFormat
from bulkprof.catalog.formats.claude_code import claude_code
from bulkprof.catalog.formats.litellm import litellm
from bulkprof.catalog.formats.opencode import opencode
from bulkprof.catalog.formats.plain import as_csv, as_env, as_json, as_tfvars

FORMATS: Mapping[str, CatalogFormat] = {
    "json": as_json,
    "csv": as_csv,
    "env": as_env,
    "tfvars": as_tfvars,
    "litellm": litellm,
    "claude-code": claude_code,
    "opencode": opencode,
}
"""By the name that `--format` takes."""
