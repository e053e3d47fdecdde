"""Regular expressions of a config: Python's own, and always at an end."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from bulkprof.errors import PluginError
from bulkprof.plugins import Pattern, PatternTooSlowError
from bulkprof.plugins.registry import Implementation
from tests.plugins.conftest import MakeProfile

ENDLESS = "(a|aa)+b"
PATTERNS = [
    "[a-z0-9-]+", "CC-[0-9]{4}", "(dev|prod)-.*", "([a-z]+-)*[a-z]+", r"(?P<team>\w+)-(?:a|b)?-\d{1,3}", "(?!aws).+",
    r"(\w)\1+", "(?i)team-.+", "(?:x++)+y", "", "(a+)+b", "a?" * 20 + "a" * 20, r"\d+(?:[.,]\d+)*", "[^()]*",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
@given(
    text=st.one_of(st.text("ab-xy01CdevTEAMprod.,é٣", max_size=14), st.from_regex(r"(dev|prod)-[a-z]{1,3}|CC-\d{4}"))
)
def test_they_mean_what_they_mean_to_python(pattern: str, text: str) -> None:
    assert Pattern(pattern).fullmatch(text) is (re.fullmatch(pattern, text) is not None)


@pytest.mark.parametrize("pattern", ["(", "[z-a]", "*a", "(?P<1>a)", "a{2,1}", "(" * 5_000 + ")" * 5_000])
def test_what_is_none_is_refused_in_one_line(pattern: str) -> None:
    with pytest.raises(ValueError, match="is not a regular expression") as caught:
        Pattern(pattern)
    assert "\n" not in str(caught.value)[-200:]


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a*)*b", "(a?){64}b", "(.*)*x", "([a-z]+)*!", "(a|a?)+b"])
def test_repetitions_within_repetitions_come_to_an_end(pattern: str) -> None:
    assert not Pattern(pattern).fullmatch("a" * 256)


def test_what_does_not_come_to_an_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulkprof.plugins.patterns.MATCHING_S", 0.01)
    with pytest.raises(PatternTooSlowError, match=r"\(a\|aa\)\+b.*takes too long"):
        Pattern(ENDLESS).fullmatch("a" * 200)


def test_settings_take_text_and_schemas_say_so() -> None:
    settings: TypeAdapter[Any] = TypeAdapter(Pattern)
    assert settings.validate_python("[a-z]+").fullmatch("abc")
    assert settings.json_schema() == {"type": "string", "format": "regex"}
    for wrong in ("(", 5, None):
        with pytest.raises(ValidationError):
            settings.validate_python(wrong)


@pytest.mark.parametrize(
    ("name", "settings", "hook"),
    [
        ("naming", {"template": "{team}", "pattern": ENDLESS}, "bulkprof_name_profile"),
        ("tags", {"columns": {"Team": "team"}, "allowed": {"Team": ENDLESS}}, "bulkprof_check_profile"),
    ],
)
def test_a_rule_that_cannot_be_kept_ends_the_run(
    load: Any, make_profile: MakeProfile, monkeypatch: pytest.MonkeyPatch, name: str, settings: Any, hook: str
) -> None:
    """Not one row after the other, each for a second."""
    monkeypatch.setattr("bulkprof.plugins.patterns.MATCHING_S", 0.01)
    plugin = load(name, **settings)
    profile = make_profile({"team": "a" * 60}, tags={"Team": "a" * 60})
    with pytest.raises(PluginError, match="takes too long"):
        Implementation(name, hook, getattr(plugin, hook), takes_argument=True).call(profile)
