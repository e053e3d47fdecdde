"""How settings' names of columns find the columns of rows."""

from __future__ import annotations

import pytest

from bulkprof.model import DesiredProfile
from bulkprof.plugins import field_reader, fields
from tests.factories import HAIKU, TARGET, row


def read(field: str, **attributes: str) -> str:
    return field_reader(field)(DesiredProfile(row(attributes=attributes), TARGET, "haiku", HAIKU, "one"))


def test_a_column_is_found_in_any_case() -> None:
    assert read("team", Team="search") == "search"
    assert read("Cost Centre", **{"cost centre": "CC-1"}) == "CC-1"
    # A plugin may have added one that differs by case alone.
    assert read("team", Team="sheet", team="rule") == "rule"
    assert read("team", teams="search") == ""


def test_rows_differ_in_their_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "_REMEMBERED", 2)
    reader = field_reader("team")
    for number in range(6):
        profile = DesiredProfile(row(attributes={f"x{number}": "a", "b": "c"}), TARGET, "haiku", HAIKU, "one")
        assert reader(profile) == ""
        profile = DesiredProfile(row(attributes={"TEAM": "a", f"x{number}": "b"}), TARGET, "haiku", HAIKU, "one")
        assert reader(profile) == "a"
