"""How settings' names of columns find the columns of rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bulkprof.model import DesiredProfile, Request
from bulkprof.plugins import field_reader, hookimpl
from bulkprof.plugins.fields import Attributes
from tests.factories import HAIKU, TARGET, row, rules


def read(field: str, **attributes: str) -> str:
    return field_reader(field)(DesiredProfile(row(attributes=attributes), TARGET, "haiku", HAIKU, "one"))


def test_a_column_is_found_in_any_case() -> None:
    assert read("team", Team="search") == "search"
    assert read("Cost Centre", **{"cost centre": "CC-1"}) == "CC-1"
    # A plugin may have added one that differs by case alone.
    assert read("team", Team="sheet", team="rule") == "rule"
    assert read("team", teams="search") == ""


def test_rows_differ_in_their_columns() -> None:
    reader = field_reader("team")
    for number in range(2):
        profile = DesiredProfile(row(attributes={f"x{number}": "a", "b": "c"}), TARGET, "haiku", HAIKU, "one")
        assert reader(profile) == ""
        profile = DesiredProfile(row(attributes={"TEAM": "a", f"x{number}": "b"}), TARGET, "haiku", HAIKU, "one")
        assert reader(profile) == "a"


def test_a_rows_columns_are_found_in_any_case() -> None:
    columns = Attributes({"Team": "search", "APP": "docs"})
    assert (columns["team"], columns.get("app"), columns.get("env"), columns.get("env", "dev")) == (
        "search",
        "docs",
        None,
        "dev",
    )
    assert "TEAM" in columns
    assert "env" not in columns
    with pytest.raises(KeyError, match="env"):
        columns["env"]
    assert list(columns) == ["Team", "APP"]


def test_a_plugin_that_reads_columns_itself_finds_them_too() -> None:
    class Prepares:
        @hookimpl
        def bulkprof_prepare_request(self, request: Request) -> Request:
            return replace(request, attributes={**request.attributes, "Env": request.attributes["TEAM"]})

    class Names:
        @hookimpl
        def bulkprof_name_profile(self, profile: DesiredProfile) -> str:
            return f"{profile.request.attributes['team']}-{profile.request.attributes['env']}"

    request = row(name=None, attributes=Attributes({"Team": "search"}))
    (profile,) = rules(prepares=Prepares(), names=Names()).expand(request).profiles
    assert profile.name == "search-search"
