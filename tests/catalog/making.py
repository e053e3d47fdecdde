"""Entries of catalogs, made from little."""

from __future__ import annotations

from typing import Any

from bulkprof.catalog.entries import CatalogEntry

OWN = "111122223333"
OTHER = "444455556666"
OPUS = "anthropic.claude-opus-4-6-v1"
SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
NOVA = "amazon.nova-lite-v1:0"


def arn(number: int, *, account: str = OWN, region: str = "us-east-1") -> str:
    """An ARN whose id ends in the number."""
    return f"arn:aws:bedrock:{region}:{account}:application-inference-profile/p{number:011d}"


def entry(name: str, number: int = 1, *, model_id: str = SONNET, team: str = "", **more: Any) -> CatalogEntry:
    """A profile of a model."""
    account, region = more.pop("account", OWN), more.pop("region", "us-east-1")
    values = {
        "source_arn": f"arn:aws:bedrock:{region}::foundation-model/{model_id}" if model_id else "",
        "tags": {"Team": team} if team else {},
        **more,
    }
    where = arn(number, account=account, region=region)
    return CatalogEntry(name, where, account, region, model_id=model_id, **values)
