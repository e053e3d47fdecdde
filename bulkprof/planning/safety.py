"""Whether a plan may run: the caps on deletions, and what plugins object to. Pure."""

from __future__ import annotations

from bulkprof.config import Prune
from bulkprof.errors import SafetyError


def allowed_deletions(owned: int, caps: Prune) -> int:
    """How many of an estate's `owned` profiles one run may delete."""
    return max(caps.count, int(owned * caps.percent / 100))


def check_prune(estate: str, deletions: int, owned: int, caps: Prune) -> None:
    """Raise `SafetyError` when a plan deletes more of the estate than the caps allow."""
    allowed = allowed_deletions(owned, caps)
    if deletions > allowed:
        raise SafetyError(
            f"estate {estate!r}: the plan deletes {deletions} of {owned} profiles, and at most {allowed} may go in one "
            f"run (the larger of {caps.percent:g} % and {caps.count}). Nothing was changed. Is a manifest cut short? "
            "If this is meant, raise [prune] percent or count in bulkprof.toml"
        )
