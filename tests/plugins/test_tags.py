"""The tags plugin: where tags come from, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bulkprof_tags.values import fit
from hypothesis import given
from hypothesis import strategies as st

from bulkprof.errors import PluginError
from bulkprof.plugins import DesiredProfile, tag_value_fault
from tests.plugins.conftest import MakeProfile

Load = Callable[..., Any]
LOOKUP = {"file": "cost-centers.csv", "by": "team", "tags": {"CostCenter": "cost_center", "Owner": "owner"}}


@pytest.fixture
def centers(tmp_path: Path) -> Path:
    file = tmp_path / "cost-centers.csv"
    file.write_text("\ufeffteam,owner,cost_center\nSearch,search@example.com,CC-1\n\nDocs,,CC-2\n", encoding="utf-8")
    return file


def problems(plugin: Any, profile: DesiredProfile) -> list[str]:
    return [str(problem) for problem in plugin.bulkprof_check_profile(profile)]


def test_tags_come_from_fixed_values_columns_and_lookups(load: Load, make_profile: MakeProfile, centers: Path) -> None:
    plugin = load("tags", fixed={"By": "us"}, columns={"Team": "team", "Env": "env", "Model": "model"}, lookup=[LOOKUP])
    tags = plugin.bulkprof_tag_profile(make_profile({"team": "Search", "env": ""}))
    assert tags == {
        "By": "us", "Team": "Search", "Model": "nova-lite", "CostCenter": "CC-1", "Owner": "search@example.com",
    }  # fmt: skip


def test_profiles_do_not_share_their_tags(load: Load, make_profile: MakeProfile) -> None:
    plugin = load("tags", fixed={"By": "us"}, columns=["team"])
    assert plugin.bulkprof_tag_profile(make_profile({"team": "Search"})) == {"By": "us", "team": "Search"}
    assert plugin.bulkprof_tag_profile(make_profile()) == {"By": "us"}


def test_an_empty_cell_of_a_lookup_gives_no_tag(load: Load, make_profile: MakeProfile, centers: Path) -> None:
    plugin = load("tags", lookup=[LOOKUP])
    assert plugin.bulkprof_tag_profile(make_profile({"team": "Docs"})) == {"CostCenter": "CC-2"}


@pytest.mark.parametrize(
    "text",
    [
        "team;cost_center\nSearch;CC-1,5\n",
        "cost_center\tteam\nCC-1,5\tSearch\n",
        '"sep=;"\r\nteam;cost_center;;\r\n\r\nSearch;CC-1,5;;\r\n;;;\r\n',
        "\ufeff\ufeff\nTeam\u200b;COST_CENTER\nSearch;CC-1,5\n",
        'a,b,c,team;cost_center\n"x";Search;CC-1,5\n'.replace("a,b,c,", '"a,b,c";'),
    ],
)
def test_lookups_may_be_separated_otherwise(load: Load, make_profile: MakeProfile, tmp_path: Path, text: str) -> None:
    (tmp_path / "c.csv").write_text(text)
    plugin = load("tags", lookup=[{"file": "c.csv", "by": "team", "tags": {"C": "cost_center"}}], clean=True)
    assert plugin.bulkprof_tag_profile(make_profile({"team": "Search"})) == {"C": "CC-1 5"}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"team": "Serach"}, "team 'Serach': cost-centers.csv has no such line; did you mean 'Search'?"),
        ({"team": "Legal"}, "team 'Legal': cost-centers.csv has no such line; add one, or set `missing`"),
        ({"taem": "Docs"}, "the lookup in cost-centers.csv needs a value in the column 'team'; did you mean 'taem'?"),
    ],
)
def test_a_missing_line_is_one_problem_of_the_row(
    load: Load, make_profile: MakeProfile, centers: Path, columns: dict[str, str], message: str
) -> None:
    plugin = load("tags", fixed={"By": "us"}, lookup=[LOOKUP], required=["CostCenter", "Owner", "By"])
    profile = make_profile(columns)
    tags = plugin.bulkprof_tag_profile(profile)
    assert tags == {"By": "us"}
    (problem,) = problems(plugin, replace(profile, tags=tags))
    assert problem.startswith(message)


@pytest.mark.parametrize(("missing", "tags"), [("skip", {}), ({"CostCenter": "none"}, {"CostCenter": "none"})])
def test_a_missing_line_may_be_allowed(
    load: Load, make_profile: MakeProfile, centers: Path, missing: Any, tags: dict[str, str]
) -> None:
    plugin = load("tags", lookup=[{**LOOKUP, "missing": missing}])
    profile = make_profile({"team": "Legal"})
    assert plugin.bulkprof_tag_profile(profile) == tags
    assert problems(plugin, profile) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("team,cost_center\n", "cost-centers.csv:1: has no column 'owner' (it has team, cost_center)"),
        ("", "cost-centers.csv:1: has no column 'team', 'cost_center', 'owner' (it has nothing)"),
        ("team,cost_center,owner\nA,1,a\nB,1,b\nA,2,a\n", "cost-centers.csv:4: 'A' stands in line 2 already"),
        ("team,cost_center,owner\nA,1\n", "cost-centers.csv:2: the row has too few cells: 2 cells; the header has 3"),
        ("team,cost_center,owner\n,1,a\n", "cost-centers.csv:2: the column 'team' is empty"),
        ("team,cost_center,owner\nA,1,a\nTEAM,cost_center,owner\n", "cost-centers.csv:3: the header again"),
        ("Cost centres,,\nteam,cost_center,owner\nA,1,a\n", "cost-centers.csv:1: the first line can't be the header"),
        ('team,cost_center,owner\nA,"x\ny",a\nB,!,b\n', "cost-centers.csv:4: cost_center: '!' at position 1 can't be"),
        ('team,cost_center,owner\nA,"1,a\n', "cost-centers.csv:2: a double quote opened in this row is never closed"),
    ],
)
def test_a_bad_lookup_file_is_told_by_line(load: Load, centers: Path, text: str, message: str) -> None:
    centers.write_text(text)
    with pytest.raises(PluginError, match=re.escape(message)):
        load("tags", lookup=[LOOKUP])


def test_all_findings_of_a_lookup_are_told_at_once(load: Load, centers: Path) -> None:
    centers.write_text("team,cost_center,owner\n,1,a\nB,ä,b\n")
    with pytest.raises(PluginError) as caught:
        load("tags", lookup=[LOOKUP])
    assert ":2: the column" in str(caught.value)
    assert ":3: cost_center" in str(caught.value)


@pytest.mark.parametrize("content", [None, b"team,cost_center,owner\n\xff,1,a\n", "team\n".encode("utf-16")])
def test_an_unreadable_lookup_file_is_named(load: Load, centers: Path, content: bytes | None) -> None:
    centers.unlink()
    if content is not None:
        centers.write_bytes(content)
    with pytest.raises(PluginError, match=r"cost-centers\.csv(: can't be read: No such file|:[12]: .* not UTF-8)"):
        load("tags", lookup=[LOOKUP])


def test_required_and_allowed_tags(load: Load, make_profile: MakeProfile) -> None:
    plugin = load("tags", required=["Team"], allowed={"Env": ["dev", "prod"], "Cost": "CC-[0-9]+"})
    assert problems(plugin, make_profile(tags={"Team": "x", "Env": "dev", "Cost": "CC-1"})) == []
    assert problems(plugin, make_profile(tags={"Team": "", "Env": "prd", "Cost": "CC-1x"})) == [
        "tag:Team: the tag 'Team' is required; give it in the row, or by a tag rule",
        "tag:Env 'prd': is not an allowed value; did you mean 'prod'?",
        "tag:Cost 'CC-1x': is not an allowed value; the value must match 'CC-[0-9]+'",
    ]
    assert problems(plugin, make_profile(tags={"Team": "x", "Env": "zz"})) == [
        "tag:Env 'zz': is not an allowed value; allowed are dev, prod"
    ]


def test_too_many_tags_are_listed(load: Load, make_profile: MakeProfile) -> None:
    plugin = load("tags")
    profile = make_profile(tags={f"k{number:02}": "v" for number in range(50)})
    assert problems(plugin, profile) == []
    (problem,) = problems(plugin, replace(profile, tags={**profile.tags, "more": "v"}))
    assert problem.startswith("tags: the 51 tags are k00, k01, ")
    assert problem.endswith(", k49, more")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fixed": {"aws:x": "1"}}, "plugins.tags.fixed.aws:x.[key]: tag keys that begin with 'aws:' belong to AWS"),
        ({"fixed": {"a": "(1)"}}, "plugins.tags.fixed.a: '(' at position 1"),
        ({"columns": ["ä"]}, "plugins.tags.columns"),
        ({"fixed": {"a": "1"}, "columns": ["a"]}, "plugins.tags: the tag 'a' is set in two places"),
        ({"allowed": {"a": "["}}, "plugins.tags.allowed.a: '[' is not a regular expression"),
        ({"allowed": {"a": []}}, "must be a list of values, or a regular expression"),
        ({"lookup": [{**LOOKUP, "missing": {"Else": "1"}}]}, "`missing` may only name keys of its `tags`"),
        ({"requierd": ["a"]}, "plugins.tags.requierd: is not a known key"),
    ],
)
def test_wrong_settings_are_named(load: Load, centers: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginError, match=re.escape(message)):
        load("tags", **settings)


def test_values_are_left_for_the_rules_to_judge_unless_cleaned(load: Load, make_profile: MakeProfile) -> None:
    profile = make_profile({"about": "Chat (é, ü)"})
    assert load("tags", columns=["about"]).bulkprof_tag_profile(profile) == {"about": "Chat (é, ü)"}
    assert load("tags", columns=["about"], clean=True).bulkprof_tag_profile(profile) == {"about": "Chat e u"}


@given(value=st.text(max_size=400))
def test_cleaned_values_are_ones_that_aws_takes(value: str) -> None:
    cleaned = fit(value)
    assert tag_value_fault(cleaned) is None or cleaned == value
    assert fit(cleaned) == cleaned


def test_a_lookup_names_the_setting_that_cleans_its_values(load: Load, centers: Path) -> None:
    centers.write_text("team,cost_center,owner\nB,R&D,b\nC,&,c\n")
    allowed = "allowed are letters without accents, digits, spaces and . _ : / = + @ -"
    with pytest.raises(PluginError) as raised:
        load("tags", lookup=[LOOKUP])
    assert str(raised.value).splitlines() == [
        f"plugin 'tags': cost-centers.csv:2: cost_center: '&' at position 2 can't be in a tag value; {allowed}; "
        "set `clean = true` in [plugins.tags] to get 'R D'",
        f"cost-centers.csv:3: cost_center: '&' at position 1 can't be in a tag value; {allowed}",
    ]
    with pytest.raises(PluginError, match=r"cost-centers\.csv:3: cost_center"):
        load("tags", lookup=[LOOKUP], clean=True)
