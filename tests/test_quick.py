"""Values that are made quickly are the same as any others."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from bulkprof.model import EMPTY, DesiredProfile, Request, Target
from bulkprof.quick import quick

TARGET = Target("111122223333", "us-east-1")


def test_they_are_equal_and_of_the_same_class() -> None:
    request = quick(Request)("a.csv", 2, "one", (), None, (), (), {"Team": "a"}, EMPTY)
    assert type(request) is Request
    assert request == Request("a.csv", 2, "one", tags={"Team": "a"})
    assert repr(request) == repr(Request("a.csv", 2, "one", tags={"Team": "a"}))
    profile = quick(DesiredProfile)(request, TARGET, "m", "s", "n", None, EMPTY)
    assert profile == DesiredProfile(request, TARGET, "m", "s", "n")
    assert hash(quick(Target)("111122223333", "us-east-1")) == hash(TARGET)


def test_they_are_frozen() -> None:
    target = quick(Target)("111122223333", "us-east-1")
    with pytest.raises(FrozenInstanceError):
        target.region = "eu-west-1"  # type: ignore[misc]
    assert replace(target, region="eu-west-1") == Target("111122223333", "eu-west-1")


def test_a_field_too_few_is_an_error() -> None:
    with pytest.raises(TypeError, match="region"):
        quick(Target)("111122223333")  # type: ignore[call-arg]
