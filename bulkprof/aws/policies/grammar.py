"""What all policies for callers are made of: the actions that call a model, statements, and a document's size."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

INVOKE: Final = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
"""What InvokeModel and Converse need, and their streams: Converse has no action of its own."""
THROUGH: Final = "bedrock:InferenceProfileArn"
"""The condition key that names the profile through which a foundation model is called."""

Statement = dict[str, Any]
Document = dict[str, Any]


def statement(effect: str, sid: str, resources: Sequence[str], conditions: Mapping[str, Any]) -> Statement:
    """Return a statement about calls of these resources."""
    made: Statement = {"Sid": sid, "Effect": effect, "Action": list(INVOKE), "Resource": list(resources)}
    return {**made, "Condition": dict(conditions)} if conditions else made


def document(statements: Sequence[Statement]) -> Document:
    """Return a policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def size(policy: Document) -> int:
    """Return a policy's characters without the whitespace between its parts, which IAM doesn't count."""
    return len(json.dumps(policy, separators=(",", ":")))
