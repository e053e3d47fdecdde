"""Remedies for denied calls: they depend on which of the many policies denies, and AWS's message mostly says so."""

from __future__ import annotations

import re
from collections.abc import Iterable

_KIND = r"((?:[a-z]+[ -])*?(?:policy|policies|boundary))"
_EXPLICIT = re.compile(rf"explicit deny(?: in (?:an? )?{_KIND})?", re.IGNORECASE)
_IMPLICIT = re.compile(rf"because no {_KIND} allows", re.IGNORECASE)
_MARKETPLACE = re.compile(r"aws-marketplace:|AWS Marketplace", re.IGNORECASE)
_ACTION = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z]+)")
_IDENTITY = "identity-based policy"

ALLOW = "allow"
"""The remedy that is a permission for the caller."""
MARKETPLACE = "marketplace"


def remedy_kind(message: str) -> str:
    """Return how a denial with this message is mended: `ALLOW`, `MARKETPLACE`, or what to say about another policy."""
    if _MARKETPLACE.search(message):
        return MARKETPLACE
    if explicit := _EXPLICIT.search(message):
        return f"explicitly by {_article(explicit[1] or 'policy')}"
    implicit = _IMPLICIT.search(message)
    if implicit and implicit[1].lower() != _IDENTITY:
        return f"since no {implicit[1]} allows it"
    return ALLOW


def denied_action(message: str) -> str:
    """Return what IAM calls the operation that was denied; empty where the message doesn't say."""
    found = _ACTION.search(message)
    return found[1] if found else ""


def remedy(kind: str, actions: Iterable[str]) -> str:
    """Return one line on how to mend denials of one kind, of these actions."""
    named = ", ".join(sorted(set(filter(None, actions))))
    if kind == ALLOW:
        return f"to mend: allow {named or 'what was denied'}; `bulkprof iam-policy` prints all that runs need"
    if kind == MARKETPLACE:
        return (
            "to mend: the account has no access to the model yet; a principal that may aws-marketplace:Subscribe and "
            "aws-marketplace:ViewSubscriptions has to request it there once, in Amazon Bedrock's console"
        )
    return (
        f"to mend: {named or 'this'} is denied {kind}, which no permission of the role overrides; ask for an exception "
        "there, or leave these accounts, Regions or models out"
    )


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
