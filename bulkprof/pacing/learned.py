"""What a pacer found out about a limit, as it is kept from run to run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LearnedRate:
    """What one run found out, for the next one to start from."""

    per_second: float
    """Calls per second that the server sustained."""
    burst: float
    """Calls it took at once, above the rate, from rest."""
    at: float
    """When it was last measured, in epoch seconds."""
