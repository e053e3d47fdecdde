"""The operations of AWS that a run sends for its profiles, by AWS's own names."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Operation(StrEnum):
    """AWS's names of the operations, for pacers and counts: AWS throttles each by itself."""

    CREATE = "CreateInferenceProfile"
    DELETE = "DeleteInferenceProfile"
    GET = "GetInferenceProfile"
    LIST = "ListInferenceProfiles"
    """Application profiles, and those that AWS defines."""
    TAG = "TagResource"
    UNTAG = "UntagResource"
    TAGS_OF = "ListTagsForResource"
    TAGGED = "GetResources"
    MODELS = "ListFoundationModels"
    QUOTA = "GetServiceQuota"


CHANGES: Final = (Operation.CREATE, Operation.DELETE, Operation.TAG, Operation.UNTAG)
"""The operations that change anything. All others only look."""
