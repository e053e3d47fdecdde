"""What of an exception of the SDK's may be shown: it quotes addresses, and what endpoints on this machine answered."""

from __future__ import annotations

import re

from bulkprof.errors import without_secrets

# A container's endpoint hands out keys; what it answers instead of them can be anything.
_CONTAINER_ANSWER = re.compile(r"(from container metadata):.*", re.DOTALL)


def safe_text(error: object) -> str:
    """What `error`, an exception or its text, says, less that."""
    return without_secrets(_CONTAINER_ANSWER.sub(r"\1", str(error)))
