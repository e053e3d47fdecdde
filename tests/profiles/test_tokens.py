"""Idempotency tokens: the same for the same run and row, whichever process makes them."""

from __future__ import annotations

from dataclasses import replace

from bulkprof.model import Target
from bulkprof.profiles.tokens import token_for
from tests.factories import make_action


def test_a_token_is_the_same_for_the_same_row_and_no_other() -> None:
    action = make_action(tags={"a": "1", "b": "2"}, description="x")
    same = replace(action, id=9, line=99, tags={"b": "2", "a": "1"}, arn="arn:x")
    others = [
        replace(action, name="b"),
        replace(action, target=Target("111122223333", "us-west-2")),
        replace(action, target=Target("444455556666", "us-east-1")),
        replace(action, source_arn="source/pro"),
        replace(action, description=None),
        replace(action, tags={"a": "1"}),
    ]
    assert token_for("run-1", same) == token_for("run-1", action)
    tokens = {token_for("run-1", each) for each in [action, *others]} | {token_for("run-2", action)}
    assert len(tokens) == len(others) + 2
    assert all(len(token) <= 256 and token.replace("-", "").isalnum() for token in tokens)
