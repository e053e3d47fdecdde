"""Text that AWS refuses: cleaned where the config says so, and never so that two become one unnoticed."""

from __future__ import annotations

import json

from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine, read_csv

NAMING = '\n[plugins.naming]\ntemplate = "{team}"\n'
TAGS = '\n[plugins.tags]\ncolumns = { Team = "team" }\n'
CLEAN = f"{TAGS}clean = true\n"
BASE = """
[defaults]
model = "amazon.nova-lite-v1:0"
region = "us-east-1"
clean_description = true
description = "Made for all (by default)"
"""


def test_no_letter_is_lost_in_names_tags_and_descriptions(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config(NAMING + CLEAN, base=BASE)
    commands.manifest(
        "Łódź,Søk & Innsikt,R&D", "Ørsted,,", "Straße,Plain,Größe", header="team,description,tag:Note", file="m.csv"
    )
    assert commands.apply("m.csv") == {"created": 3}
    made = {profile.name: profile for profile in sandbox.ledger().live}
    assert set(made) == {"Lodz", "Orsted", "Strasse"}
    assert [made[name].tags["Team"] for name in sorted(made)] == ["Lodz", "Orsted", "Strasse"]
    assert made["Lodz"].tags["Note"] == "R D"
    assert made["Strasse"].tags["Note"] == "Grosse"
    assert commands.apply("m.csv") == {"unchanged": 3}
    assert commands("export", "--out", "back.csv").code == 0
    descriptions = {row["name"]: row["description"] for row in read_csv(commands.folder / "back.csv")}
    assert descriptions == {"Lodz": "Sok Innsikt", "Orsted": "Made for all by default", "Strasse": "Plain"}


def test_each_refusal_of_a_tag_names_the_setting(commands: CommandLine) -> None:
    commands.config(NAMING + TAGS)
    commands.manifest("Søk,R&D", header="team,tag:Note", file="m.csv")
    commands.write("m.json", json.dumps([{"team": "Data", "tags": {"Note": " a; b "}}]))
    ended = commands("validate", "m.csv", "m.json")
    assert ended.code == 65
    rule = "can't be in a tag value; allowed are letters without accents, digits, spaces and . _ : / = + @ -"
    assert ended.err.splitlines()[:3] == [
        f"m.csv:2: tag:Note 'R&D': '&' at position 2 {rule}; set `clean = true` in [plugins.tags] to get 'R D'",
        f"m.csv:2: tag:Team 'Søk': from plugin 'tags': 'ø' (U+00F8) at position 2 {rule}; "
        "set `clean = true` in [plugins.tags] to get 'Sok'",
        f"m.json:1: tag:Note 'a; b': ';' at position 2 {rule}; set `clean = true` in [plugins.tags] to get 'a b'",
    ]
    commands.config(NAMING + CLEAN)
    assert commands("validate", "m.csv", "m.json").code == 0


def test_what_cleaning_would_leave_nothing_of_is_refused(commands: CommandLine) -> None:
    commands.config(CLEAN, base=BASE.replace('description = "Made for all (by default)"', ""))
    commands.manifest("a,(),&,!", header="name,description,team,tag:Note", file="m.csv")
    ended = commands("validate", "m.csv")
    assert ended.code == 65
    assert "description '()': '(' at position 1, ')' at position 2 can't be in a description" in ended.err
    assert "tag:Team '&': from plugin 'tags': '&' at position 1 can't be in a tag value" in ended.err
    assert "tag:Note '!': '!' at position 1 can't be in a tag value" in ended.err
    assert "to get" not in ended.err


def test_a_plugin_of_ones_own_says_that_it_can_clean(commands: CommandLine) -> None:
    rule = """\
from bulkprof.plugins import hookimpl

cleans_tags = %s

@hookimpl
def bulkprof_tag_profile(profile):
    return {"Team": "R&D"}
"""
    commands.config('\n[plugins.mine]\npath = "mine.py"\n')
    commands.manifest("a", file="m.csv")
    for cleans in (True, False):
        commands.write("mine.py", rule % cleans)
        err = commands("validate", "m.csv").err
        assert ("set `clean = true` in [plugins.mine] to get 'R D'" in err) == cleans
        assert "tag:Team 'R&D': from plugin 'mine': '&' at position 2" in err


def test_names_that_cleaning_made_equal_are_shown_as_they_were(commands: CommandLine) -> None:
    commands.config(NAMING)
    commands.manifest("Søk & Innsikt", "Other", "Sok-Innsikt", header="team", file="m.csv")
    ended = commands("validate", "m.csv")
    assert ended.code == 65
    assert ended.err.splitlines()[0] == (
        "m.csv:4: name 'Sok-Innsikt': the same name in (caller)/us-east-1 as m.csv:2: there it is made of "
        "'Søk & Innsikt', here of 'Sok-Innsikt'; give one of them another name, account or region"
    )


def test_tags_that_cleaning_made_equal_are_told_once(commands: CommandLine) -> None:
    commands.config(CLEAN)
    commands.manifest("a,Søk", "b,Sok", "c,Søk", "d,R&D", "e,Sok", header="name,team", file="m.csv")
    commands.manifest("f,R D", "g,R (D)", "h,R/D", "i,R; D", "j,(R) D", "k,R\\D", header="name,team", file="n.csv")
    ended = commands("validate", "m.csv", "n.csv")
    assert ended.code == 0, ended.err
    assert [line for line in ended.err.splitlines() if line.startswith("warning")] == [
        "warning: m.csv:3: tag:Team: 'Søk' (m.csv:2) and 'Sok' (m.csv:3) both become 'Sok'",
        "warning: n.csv:2: tag:Team: 'R&D' (m.csv:5), 'R D' (n.csv:2), 'R (D)' (n.csv:3), 'R; D' (n.csv:5) and 2 more "
        "all become 'R D'",
    ]
    told = commands("validate", "m.csv", "n.csv", "--json").json()["problems"]
    assert [(each["file"], each["line"], each["column"], each["severity"]) for each in told] == [
        ("m.csv", 3, "tag:Team", "warning"),
        ("n.csv", 2, "tag:Team", "warning"),
    ]


def test_the_config_that_init_writes_shows_both_settings(commands: CommandLine) -> None:
    assert commands("init", "new").code == 0
    config = (commands.folder / "new" / "bulkprof.toml").read_text(encoding="utf-8")
    commands.manifest("Søk & Innsikt,web,Finds (all)", header="team,app,description", file="m.csv")
    commands.write("bulkprof.toml", config)
    assert commands("validate", "m.csv").code == 65
    commands.write("bulkprof.toml", config.replace("# clean", "clean"))
    assert commands("validate", "m.csv").code == 0


def test_damaged_cells_are_told_once_and_never_cleaned(commands: CommandLine) -> None:
    commands.config(CLEAN, base=BASE)
    commands.manifest("a,#REF!,#REF!,#REF!", header="name,description,team,tag:Note", file="m.csv")
    ended = commands("validate", "m.csv")
    assert ended.code == 65
    *told, end = ended.err.splitlines()
    assert [line.partition(" is an error that a spreadsheet shows")[0] for line in told] == [
        "m.csv:2: description '#REF!':",
        "m.csv:2: tag:Note '#REF!':",
        "m.csv:2: team '#REF!':",
    ]
    assert end.endswith("3 problems in 1 row")


def test_what_plugins_say_of_a_damaged_cell_is_not_told_beside_it(commands: CommandLine) -> None:
    commands.write("teams.csv", "team,owner\nsearch,a@example.com\n")
    lookup = '[[plugins.tags.lookup]]\nfile = "teams.csv"\nby = "team"\ntags = { Owner = "owner" }\n'
    commands.config('[plugins.naming]\ntemplate = "{team}-{app}"\n[plugins.tags]\n' + lookup, base=BASE)
    commands.manifest("#REF!,", "sea\u200brch,x", header="team,app", file="m.csv")
    *told, end = commands("validate", "m.csv").err.splitlines()
    assert [line.partition(";")[0] for line in told] == [
        "m.csv:2: team '#REF!': is an error that a spreadsheet shows in place of a value",
        "m.csv:2: plugin 'naming': the naming template needs a value in the column 'app'",
        "m.csv:3: team 'sea\\u200brch': holds a character that can't be seen, at position 4: ZERO WIDTH SPACE, U+200B",
    ]
    assert end.endswith("3 problems in 2 rows")
