from __future__ import annotations

import pytest

from bulkprof.manifests.columns import understand
from bulkprof.manifests.likely import distance, likely_column


@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("modle", "model"), ("models", "model"), ("Models", "model"), ("model_id", "model"), ("nmae", "name"),
        ("names", "name"), ("regions", "region"), ("reigon", "region"), ("aws_region", "region"),
        ("accounts", "account"), ("acount", "account"), ("Account ID", "account"), ("account_id", "account"),
        ("disowned", "disown"), ("Disown?", "disown"), ("disonw", "disown"),
        ("desc", "description"), ("descripton", "description"), ("discription", "description"),
        ("tags:Team", "tag:Team"), ("tag_Team", "tag:Team"),
        ("tga:Team", "tag:Team"), ("tags", "tag:"), ("tag", "tag:"), ("Tag List", "tag:"), ("AWS tags", "tag:"),
        ("t\u0430g:Team", "tag:Team"), ("tag\ua789Team", "tag:Team"), ("tag\u02d0Team", "tag:Team"),
        ("xccount", "account"), ("ccount", "account"), ("egion", "region"), ("ame", "name"), ("mame", "name"),
        ("Account (ID)", "account"), ("AWS Region Name", "region"), ("target account", "account"),
        ("acct no.", "account"),
        ("Account Number", "account"), ("AccountId", "account"), ("aws_account_id", "account"),
        ("Account #", "account"),
        ("Linked Account ID", "account"), ("Account (12 digits)", "account"), ("acount_id", "account"),
        ("Region Code", "region"), ("AWS Regoin", "region"), ("region to deploy", "region"), ("home region", "region"),
        ("model id", "model"), ("Model ARN", "model"), ("Foundation Model", "model"), ("copyFrom", "model"),
        ("modelSource", "model"), ("Model [alias]", "model"), ("account_alias", "account"), ("model 2", "model"),
        ("Profile Name", "name"), ("Profilename", "name"), ("inference profile name", "name"), ("Name*", "name"),
        ("name of profile", "name"), ("inferenceProfileName", "name"), ("Name (required)", "name"),
        ("Description (optional)", "description"), ("Profile description", "description"),
        ("m0del", "model"), ("mode1", "model"), ("rnodel", "model"), ("narne", "name"), ("acc0unt", "account"),
        ("regi\u00f3n", "region"), ("acc\u00f8unt", "account"), ("\u0391ccount", "account"), ("m\u043edel", "model"),
        ("\u1d00\u1d04\u1d04\u1d0f\u1d1c\u0274\u1d1b", "account"), ("\U0001f170ccount", "account"),
        ("12-digit account", "account"), ("Account \u2013 12 digits", "account"), ("Sub-account ID", "account"),
        ("Enter account ID", "account"), ("Account / Region", "account"), ("account and region", "account"),
        ("Region, comma separated", "region"), ("Requested region", "region"), ("Create in region", "region"),
        ("Please select region", "region"), ("Claude model", "model"), ("Model wanted", "model"),
        ("Tag1", "tag:"), ("Tag \u2013 Team", "tag:Team"), ("Tag[Team]", "tag:Team"),
        ("\u00ef\u00bb\u00bfname", "name"), ("\u00ef\u00bb\u00bfAccount ID", "account"),
        ("\u2229\u2557\u2510name", "name"), ("\u043f\u00bb\u0457tag:Team", "tag:Team"),
    ],
)  # fmt: skip
def test_misspelt(name: str, likely: str) -> None:
    assert likely_column(name) == likely
    (fault,) = understand([name], tag_object=False).faults
    assert "did you mean" in fault.fault.remedy


@pytest.mark.parametrize(
    "name",
    ["team", "app", "env", "note", "notes", "mode", "namespace", "game", "amount", "count", "unit", "about", "slack",
     "source", "regional", "accounting", "accountable", "religion", "owner", "cost:centre", "stage", "tagline",
     "account_manager", "account owner", "Account email", "billing account", "service account", "cost_center",
     "business_unit", "chat", "channel", "team name", "app_name", "service name", "owner name", "application name",
     "username", "hostname", "fname", "full name", "profile", "model version", "model provider", "number of accounts",
     "subscription", "transcription", "encryption", "id", "code", "status", "type", "usage", "module",
     "sales region manager", "region lead", "account executive", "data model", "business model", "cost allocation",
     "AWS account owner", "target date", "model card", "GL account", "\u00ef\u00bb\u00bfteam",
     "Beschreibung", "\u540d\u524d", "\u0438\u043c\u044f"],
)  # fmt: skip
def test_words_of_their_own_are_attributes(name: str) -> None:
    columns = understand([name])
    assert columns.faults == ()
    assert columns.attributes == ((0, name),)


@pytest.mark.parametrize(
    "names",
    [
        [" Name", "MODEL ", "Tag:Team", "tags"],
        ["\ufeffname", "mo\u00addel", "tag\u200b:Team", "TAGS\ufe0f"],
        ["\uff4e\uff41\uff4d\uff45", "\u00a0model\u3000", "\uff34\uff21\uff27 \uff1a Team", "ta\u034fgs"],
        ["na\u2060me\u2800", "\U0001d426odel", "tag :Team", "\u3164tags"],
        ["name\n", "\u202emodel\u202c", "tag: Team\u200d", "tags\x1b"],
    ],
)
def test_what_cannot_be_seen_makes_no_difference(names: list[str]) -> None:
    columns = understand(names)
    assert (columns.name, columns.model, columns.tags, columns.tag_object) == (0, 1, ((2, "Team"),), 3)
    assert columns.faults == ()


def test_attributes_are_called_as_they_are_seen() -> None:
    columns = understand(["\ufeffOwner\n mail\u200b ", "Gro\u0308\u00dfe"])
    assert [name for _, name in columns.attributes] == ["Owner mail", "Gr\u00f6\u00dfe"]


def test_a_column_that_only_seems_to_have_a_name() -> None:
    (fault,) = understand(["name", "\u200b\u00a0"]).faults
    assert (fault.column, fault.fault.reason) == ("column 2", "has no name")


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        ("account", "account_id", "may mean account, as the column 'account' does"),
        ("Region", "AWS Region", "may mean region, as the column 'Region' does"),
        ("name", "profile name", "may mean name, as the column 'name' does"),
        (
            "account",
            "\u0430ccount",
            "its letter '\u0430' (CYRILLIC SMALL LETTER A, U+0430) only looks like a plain one",
        ),
        ("account", "Account\u200b", "is the name of 2 columns (account, Account\\u200b)"),
        ("tag:Team", "TAG\uff1aTeam", "is the name of 2 columns (tag:Team, TAG\uff1aTeam)"),
        ("team", "team\ufeff", "is the name of 2 columns (team, team\\ufeff)"),
    ],
)
def test_two_columns_that_mean_the_same(first: str, second: str, named: str) -> None:
    (fault,) = understand([first, second, "app"]).faults
    assert named in fault.fault.reason
    assert len(understand([second, "app", first]).faults) == 1


@pytest.mark.parametrize(
    ("column", "remedy"), [("Region", "keep one; several values go in one cell, separated by |"), ("App", "keep one")]
)
def test_what_to_do_about_two_columns_that_mean_the_same(column: str, remedy: str) -> None:
    (fault,) = understand([column, column.upper()]).faults
    assert fault.fault.remedy == remedy


def test_names_for_what_a_known_column_holds_may_stand_beside_it() -> None:
    columns = understand(["account", "Account name", "team"])
    assert columns.faults == ()
    assert columns.attributes == ((1, "Account name"), (2, "team"))
    assert columns.labels == ((0, 1),)
    assert understand(["Account name", "team"]).faults


@pytest.mark.parametrize(
    ("left", "right", "slips"), [("", "a", 1), ("model", "model", 0), ("modle", "model", 1), ("abc", "xyz", 3)]
)
def test_distance(left: str, right: str, slips: int) -> None:
    assert distance(left, right) == slips
