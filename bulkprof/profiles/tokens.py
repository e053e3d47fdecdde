"""Idempotency tokens of creations: the same for the same run and spec, whichever process sends it."""

from __future__ import annotations

import hashlib
import json

from bulkprof.model import Action


def token_for(seed: str, action: Action, dead: str = "") -> str:
    """The idempotency token of a creation: the same for the same run's seed and spec, whichever process sends it.

    `dead` is the ARN that an earlier token was answered with, where that profile is gone.
    """
    spec = [seed, *_identity(action), action.source_arn, action.description, sorted(action.tags.items())]
    if dead:
        spec.append(dead)
    return "bulkprof-" + hashlib.sha256(json.dumps(spec).encode()).hexdigest()[:48]


def _identity(action: Action) -> tuple[str, str, str]:
    return action.target.account, action.target.region, action.name
