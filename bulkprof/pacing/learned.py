"""What is found out about a limit, and how it is written down."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bulkprof.pacing.siblings import ANY_NUMBER, SLOWEST


@dataclass(frozen=True, slots=True)
class LearnedRate:
    """What one run found out about a limit, for the next one to start from."""

    per_second: float
    """Calls per second that the server sustained."""
    burst: float
    """Calls it took at once, above the rate, from rest."""
    at: float
    """When it was last measured, in epoch seconds."""
    at_least: bool = False
    """Whether nothing was throttled at this pace: the limit is as high at least, and may be far higher."""
    shared: bool = False
    """Whether others drew on the limit: the rate is what they left, and says nothing about other targets."""

    @property
    def told(self) -> tuple[float, float] | None:
        """The rate and burst that siblings can learn from; None where they can't."""
        return None if self.at_least or self.shared else (self.per_second, self.burst)

    def as_json(self) -> dict[str, Any]:
        """As files have it. What older versions don't know is there only where it is true."""
        return {name: value for name, value in asdict(self).items() if value is not False}

    @classmethod
    def from_json(cls, value: Any) -> LearnedRate | None:
        """The rate that a JSON value holds; None for one that isn't usable."""
        if not isinstance(value, dict):
            return None
        numbers = [value.get(field) for field in ("per_second", "burst", "at")]
        if not all(isinstance(number, int | float) and abs(number) < ANY_NUMBER for number in numbers):
            return None
        per_second, burst, at = (float(number) for number in numbers if number is not None)
        marks = {name: value.get(name) is True for name in ("at_least", "shared")}
        if per_second <= 0.0 or burst < 0.0:
            return None
        return cls(max(SLOWEST, per_second), burst, at, **marks)
