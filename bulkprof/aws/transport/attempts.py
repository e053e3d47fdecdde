"""The attempt of a call that is being sent: AWS's SDKs send it in two headers, for AWS's support and statistics.

The retry layer, above this folder, has no access to requests, and the code that makes requests knows no retries: a
context variable passes the current call from one to the other, and AWS's id of the request back.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import uuid4


@dataclass(slots=True)
class Attempts:
    """The attempts of one call."""

    most: int = 1
    """Failures after which it is given up. Throttles don't count as failures, so there may be more attempts."""
    made: int = 0
    id: str = field(default_factory=lambda: str(uuid4()))
    request_id: str = ""
    """AWS's id of the last attempt; empty where no answer came back with one."""

    def next(self) -> dict[str, str]:
        """Count an attempt and return its headers, as the SDK writes them."""
        self.made += 1
        counted = f"attempt={self.made}; max={max(self.most, self.made)}"
        return {"amz-sdk-invocation-id": self.id, "amz-sdk-request": counted}


CURRENT: ContextVar[Attempts | None] = ContextVar("attempts", default=None)
"""The call that the current task sends; None outside the retry layer, where each call is sent once."""
