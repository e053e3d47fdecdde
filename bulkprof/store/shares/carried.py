"""What a share carries besides its rows, in its details: whose share it is, and what its worker needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bulkprof.store.details import RunDetails
from bulkprof.store.errors import DamageError


class Phase(StrEnum):
    """What a share is for."""

    PLAN = "plan"
    """Its targets are observed, and what would change there is planned."""
    APPLY = "apply"
    """What was approved is carried out."""


class Carried(BaseModel):
    """What a share says of itself. It holds no secret: workers find their own credentials."""

    model_config = ConfigDict(frozen=True)

    plan: str
    """The id of the run that it is a share of."""
    cut: str
    """Stands for all shares that were cut together."""
    index: int
    """Which of them it is, from 1 on."""
    of: int
    """How many they are."""
    phase: Phase
    settings: Mapping[str, Any] = Field(default_factory=dict)
    """The part of the config that observing, comparing and changing need."""
    rates: Mapping[str, Any] = Field(default_factory=dict)
    """What is known of the rates of its targets, and what their siblings know, as `RateStore.of` returns it."""
    recent: Mapping[str, Any] = Field(default_factory=dict)
    """What earlier runs changed in its targets so recently that AWS's lists may not show it yet."""
    whole: bool = True
    """Whether the run has all rows of its targets: only then is a profile unwanted that no row asks for."""
    again: bool | None = None
    """Of a plan: None for a new one; else it was approved before, and this is whether part of it may be carried out."""

    @property
    def key(self) -> str:
        """What the run remembers this share by."""
        return f"{self.cut}/{self.index}"

    @property
    def name(self) -> str:
        """The share for people."""
        return f"share {self.index} of {self.of}"


def carried(details: RunDetails) -> Carried | None:
    """Return what a file says of itself as a share; None where it is none. Raises `DamageError`."""
    if not details.share:
        return None
    try:
        return Carried.model_validate(details.share)
    except ValidationError:
        raise DamageError("what it says of itself as a share isn't what was written") from None
