"""Which attempt of which call is being sent: every SDK tells AWS so in two headers, for its support and its counts.

The retry layer is above this folder and knows of no request, the request is made below and knows of no retry: the
current call is handed down beside them.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import uuid4


@dataclass(slots=True)
class Attempts:
    """One call, however often it is sent."""

    most: int = 1
    """After so many failures it is given up. Throttles are none, so there may be more attempts."""
    made: int = 0
    id: str = field(default_factory=lambda: str(uuid4()))

    def next(self) -> dict[str, str]:
        """Count an attempt and return its headers, as the SDK writes them."""
        self.made += 1
        counted = f"attempt={self.made}; max={max(self.most, self.made)}"
        return {"amz-sdk-invocation-id": self.id, "amz-sdk-request": counted}


CURRENT: ContextVar[Attempts | None] = ContextVar("attempts", default=None)
"""The call that the task at hand sends; None outside the retry layer, where each call is sent once."""
