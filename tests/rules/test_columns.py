"""Columns that hold a row's account, Region or model under a name that doesn't say so."""

from __future__ import annotations

from typing import Any

import pytest

from bulkprof.plugins import hookimpl
from tests.factories import HAIKU, NOVA, row, rules

ACCOUNT = "111122223333"


@pytest.mark.parametrize(
    ("column", "value", "known"),
    [
        ("Konto", ACCOUNT, "account"), ("AWS ID", f"{ACCOUNT} | 444455556666", "account"),
        ("Tenant account", ACCOUNT, "account"), ("compte", ACCOUNT, "account"),
        ("Location", "eu-west-1", "region"), ("Rgn", "us-east-1, eu-west-1", "region"),
        ("FM", HAIKU, "model"), ("FM", NOVA, "model"),
        ("Source ARN", f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}", "model"),
    ],
)  # fmt: skip
def test_what_a_row_does_not_say_and_another_column_holds(column: str, value: str, known: str) -> None:
    given: dict[str, Any] = {"models": ("haiku",), "accounts": (ACCOUNT,), "regions": ("us-east-1",)}
    ours = rules({"defaults": {"model": "haiku", "region": "us-east-2"}})
    request = row(**{**given, f"{known}s": ()}, attributes={"team": "a", column: value})
    expansion = ours.expand(request)
    (problem,) = expansion.problems
    assert (problem.column, problem.value, list(expansion.profiles)) == (column, value, [])
    assert f"looks like the row's {known}" in problem.message
    # A row that says where the profile belongs may have such columns besides.
    assert ours.expand(row(**given, attributes={"team": "a", column: value})).problems == ()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("PO number", "450012345678"), ("Location", "Berlin"), ("Location", "eu-west"), ("Customer account", "ACME"),
        ("mail", "o@example.com"), ("site", "amazon.com"), ("Account phone", "41221234567"),
        ("note", "us-east-1 is full"),
        ("Location", "us-east-2"), ("bucket", "arn:aws:s3:::b"),
    ],
)  # fmt: skip
def test_other_columns_are_attributes(column: str, value: str) -> None:
    ours = rules({"defaults": {"model": "haiku", "region": "us-east-2"}})
    assert ours.expand(row(models=(), attributes={column: value})).problems == ()


def test_columns_that_rules_read_are_theirs() -> None:
    class Reads:
        fields_read = ("Location",)

        def bulkprof_check_profile(self, profile: object) -> None: ...

    class ReadsAny:
        def bulkprof_check_profile(self, profile: object) -> None: ...

    for plugin in (Reads, ReadsAny):
        hookimpl(plugin.bulkprof_check_profile)
        request = row(attributes={"Location": "eu-west-1"})
        assert rules(plugin=plugin()).expand(request).problems == ()


def test_many_values_are_looked_at_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulkprof.rules.columns._REMEMBERED", 2)
    ours = rules()
    for number in range(6):
        assert ours.expand(row(attributes={"a": f"x{number}", "b": "y"})).problems == ()
        assert ours.expand(row(attributes={"a": f"x{number}", "b": "eu-west-1"})).problems
