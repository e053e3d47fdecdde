"""Rules for tests: settings and plugins in, an expansion out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bulkprof.config import Settings
from bulkprof.model import Request
from bulkprof.plugins.registry import Registry
from bulkprof.rules.accounts import Accounts
from bulkprof.rules.expand import Rules

HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
NOVA = "us.amazon.nova-lite-v1:0"


def rules(
    config: dict[str, Any] | None = None,
    *,
    account: str = "",
    region: str = "",
    accounts: Accounts | None = None,
    **plugins: object,
) -> Rules:
    registry = Registry({}, Path())
    for name, plugin in plugins.items():
        registry.add(name, plugin)
    settings = Settings.model_validate({"models": {"haiku": HAIKU, "nova": NOVA}, **(config or {})})
    return Rules(settings, registry, account=account, region=region, accounts=accounts)


def row(**fields: Any) -> Request:
    return Request("a.csv", 2, **{"name": "one", "models": ("haiku",), **fields})
