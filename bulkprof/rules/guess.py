"""What a model's ARN would be, without asking AWS: for `validate`, which has no network.

It is a guess and says so: whether `x.y.z` is a system profile or a model with dots in its id, only the target's
catalogue knows. Planning never uses it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from bulkprof.limits import Fault
from bulkprof.model import Target
from bulkprof.profiles.catalogue import GEO
from bulkprof.rules.sources import parse_arn

# `us.anthropic.claude…`, `us-gov.…`, `global.…`: a short geography, then a model's id that has a dot of its own.
_SYSTEM_PROFILE = re.compile(r"[a-z]{2,6}(?:-[a-z]{2,6})?\.[a-z0-9-]+\.[a-zA-Z][a-zA-Z0-9_.:-]*")
_PARTITIONS = (
    ("us-gov-", "aws-us-gov"),
    ("cn-", "aws-cn"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
)


class SourceKind(StrEnum):
    """What a profile is a copy of."""

    FOUNDATION_MODEL = "foundation-model"
    SYSTEM_PROFILE = "inference-profile"


@dataclass(frozen=True, slots=True)
class Guess:
    """A likely source. What isn't known stands as `REGION`, `ACCOUNT` and `GEO`."""

    arn: str
    kind: SourceKind
    certain: bool = False
    """True only when the manifest wrote the ARN itself."""

    def __str__(self) -> str:
        return self.arn if self.certain else f"{self.arn} (a guess: AWS was not asked)"


def guess(source: str, target: Target) -> Guess:
    """Tell by form what `source` likely is in `target`; `source` has passed the rules."""
    if source.startswith("arn:"):
        arn = parse_arn(source)
        if not isinstance(arn, Fault):
            return Guess(source, SourceKind(arn.kind), certain=True)
    region = target.region or "REGION"
    head = f"arn:{_partition(target.region)}:bedrock:{region}"
    if source.startswith(GEO) or _SYSTEM_PROFILE.fullmatch(source):
        source = source.replace(GEO, "GEO.", 1)
        return Guess(f"{head}:{target.account or 'ACCOUNT'}:inference-profile/{source}", SourceKind.SYSTEM_PROFILE)
    return Guess(f"{head}::foundation-model/{source}", SourceKind.FOUNDATION_MODEL)


def _partition(region: str) -> str:
    """The partition that a Region's name speaks of; the caller's ARN tells for sure."""
    return next((partition for prefix, partition in _PARTITIONS if region.startswith(prefix)), "aws")
