"""The naming plugin: what AWS takes, whatever the cells hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bulkprof_naming import NamingSettings, Plugin
from bulkprof_naming.shape import are_parts, model_label, name_part
from hypothesis import given
from hypothesis import strategies as st

from bulkprof.errors import PluginError
from bulkprof.plugins import DesiredProfile, PluginContext, Request, Target, name_fault
from tests.plugins.conftest import MakeProfile

AWS = re.compile(r"([0-9a-zA-Z][ _-]?)+")


def make_plugin(**settings: Any) -> Plugin:
    return Plugin(NamingSettings.model_validate(settings), PluginContext("naming", Path()))


def named(plugin: Plugin, *, model: str = "nova-lite", source: str = "id", **columns: str) -> str:
    request = Request("teams.csv", 2, attributes=columns)
    return plugin.bulkprof_name_profile(DesiredProfile(request, Target("111122223333", "us-east-1"), model, source))


@pytest.mark.parametrize(
    ("settings", "columns", "name"),
    [
        ({"template": "{team}-{app}"}, {"team": "Search", "app": "ranking"}, "Search-ranking"),
        ({"template": "{team}-{app}", "case": "lower"}, {"team": "Search", "app": "R"}, "search-r"),
        ({"template": "p_{app}", "case": "upper"}, {"app": "a%s"}, "P_A-S"),
        ({"template": "{app}"}, {"app": "registry.k8s.io"}, "registry-k8s-io"),
        ({"template": "{app}", "separator": "_"}, {"app": "a  (b) -- c!"}, "a_b_c"),
        ({"template": "{app}", "separator": " "}, {"app": "a, b_c"}, "a b_c"),
        ({"template": "{app}"}, {"app": "Café Zürich"}, "Cafe-Zurich"),
        ({"template": "{Cost Center} x"}, {"Cost Center": "4"}, "4 x"),
        ({"template": "{Model}-{account}-{REGION}"}, {}, "nova-lite-111122223333-us-east-1"),
    ],
)
def test_names(settings: dict[str, Any], columns: dict[str, str], name: str) -> None:
    assert named(make_plugin(**settings), **columns) == name


@pytest.mark.parametrize(
    ("model", "label"),
    [
        ("amazon.nova-lite-v1:0", "nova-lite"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4"),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet-v2"),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v1", "titan-embed-text"),
        ("amazon.titan-embed-text-v2:0", "titan-embed-text-v2"),
        ("us-gov.meta.llama3-1-8b-instruct-v1:0", "llama3-1-8b-instruct"),
        ("openai.gpt-oss-120b-1:0", "gpt-oss-120b"),
        ("amazon.nova-lite-v1:0:24k", "nova-lite-v1-0-24k"),
        ("zai.glm-4.7", "glm-4-7"),
    ],
)
def test_a_model_that_is_no_alias_shows_without_provider_and_version(model: str, label: str) -> None:
    assert named(make_plugin(template="{model}"), model=model, source=model) == label


def test_an_alias_shows_as_written() -> None:
    assert named(make_plugin(template="{model}"), model="us.fast-v1", source="amazon.nova-lite-v1:0") == "us-fast-v1"


def test_tags_are_fields(make_profile: MakeProfile) -> None:
    plugin = make_plugin(template="{tag:cost:center}-{app}")
    assert plugin.bulkprof_name_profile(make_profile({"app": "a"}, tags={"cost:center": "7"})) == "7-a"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"app": "a"}, "needs a value in the column 'team'"),
        ({"app": "a", "taem": "x"}, "needs a value in the column 'team'; did you mean 'taem'?"),
        ({"app": "a", "team": ""}, "needs a value in the column 'team'"),
        ({"app": "(…)", "team": "x"}, "the column 'app' holds nothing that a name may hold: '(…)'"),
        ({"app": "a", "team": "X"}, "the name 'X-a' doesn't match the naming pattern '[a-z-]+'"),
    ],
)
def test_a_row_that_lacks_something_is_told_what(columns: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        named(make_plugin(template="{team}-{app}", pattern="[a-z-]+"), **columns)


def test_an_account_that_is_not_known_yet_is_asked_for(make_profile: MakeProfile) -> None:
    with pytest.raises(ValueError, match="needs the account: give it in the column"):
        make_plugin(template="{account}").bulkprof_name_profile(make_profile(target=Target("", "us-east-1")))


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("plain", "has no field"),
        ("", "has no field"),
        ("{team", "is not a template"),
        ("{}", "not a plain column name"),
        ("{0}", "not a plain column name"),
        ("{team.__class__}", "not a plain column name"),
        ("{team[0]}", "not a plain column name"),
        ("{team!r}", "conversions are not supported"),
        ("{team:>10}", "format specifications are not supported"),
        ("{team:{app}}", "format specifications are not supported"),
        ("{tag}", "write {tag:KEY}"),
        ("{description}", "can't be used in a name"),
        ("{team}--{app}", "can't make names"),
        ("{team}.{app}", "can't make names"),
        ("%s{team}", "can't make names"),
        ("{team}-", "can't make names"),
        ("-{team}", "can't make names"),
        ("{name}", "needs `enforce = true`"),
    ],
)
def test_a_bad_template_is_refused_with_the_settings(load: Callable[..., Any], template: str, message: str) -> None:
    with pytest.raises(PluginError, match=re.escape(message)) as caught:
        load("naming", template=template)
    assert "plugins.naming" in str(caught.value)


def test_enforce_is_told_to_the_rules(make_profile: MakeProfile) -> None:
    assert make_plugin(template="{team}").enforce_names is False
    plugin = make_plugin(template="{name}", case="lower", enforce=True)
    assert plugin.enforce_names is True
    assert plugin.bulkprof_name_profile(make_profile(name="Docs.Search")) == "docs-search"


def test_a_long_name_is_cut_to_the_same_name_every_time() -> None:
    # Written out: profiles are found again by their names, so these must never change.
    app = "a-subproject-with-a-name-that-goes-on-for-longer-than-anybody-likes"
    name = named(make_plugin(template="{unit}-{app}-{model}"), unit="docs", app=app)
    assert name == "docs-a-subproject-with-a-name-that-goes-on-for-longer-naenrmgstq"
    assert len(name) == 64


def test_hash_when_changed_tells_equal_parts_apart() -> None:
    plugin = make_plugin(template="{app}", hash="when-changed", case="lower")
    assert named(plugin, app="K8s-IO") == "k8s-io"
    assert re.fullmatch(r"k8s-io-[a-z2-7]{10}", named(plugin, app="k8s.io"))
    assert named(plugin, app="k8s.io") != named(plugin, app="k8s_.io")


def test_hash_always_tells_apart_what_only_the_fields_know() -> None:
    plugin = make_plugin(template="{a}-{b}", hash="always", case="upper")
    assert re.fullmatch(r"X-Y-Z-[A-Z2-7]{10}", named(plugin, a="x-y", b="z"))
    assert named(plugin, a="x-y", b="z") != named(plugin, a="x", b="y-z")


@given(
    team=st.text(min_size=1, max_size=40),
    app=st.text(min_size=1, max_size=90),
    case=st.sampled_from(["keep", "lower", "upper"]),
    separator=st.sampled_from("-_ "),
    mode=st.sampled_from(["when-shortened", "when-changed", "always"]),
)
def test_a_name_is_one_that_aws_takes(team: str, app: str, case: str, separator: str, mode: str) -> None:
    plugin = make_plugin(template="{team}-{app}", case=case, separator=separator, max_length=24, hash=mode)
    if not (name_part(team, separator) and name_part(app, separator)):
        with pytest.raises(ValueError, match="holds nothing that a name may hold"):
            named(plugin, team=team, app=app)
        return
    name = named(plugin, team=team, app=app)
    assert AWS.fullmatch(name)
    assert name_fault(name) is None
    assert len(name) <= 24
    assert name[-1] not in "-_ "


# Rows that are all but equal: every one begins alike, is too long, and most become the same text once cleaned.
def alike(number: int) -> str:
    """The text with the marks that the digits of `number` stand for, to the base of four."""
    marks = [".,;-"[number >> 2 * place & 3] for place in range(12)]
    return "ab" + "cd".join(marks) + "ef"


# One number instead of twelve marks: to choose these took longer than to make the names.
ALIKE = st.integers(0, 4**12 - 1).map(alike)
SPLIT = st.sampled_from([("x", "y-"), ("x-y", ""), ("X", "y-")])


@given(rows=st.lists(st.tuples(SPLIT, ALIKE), min_size=30, max_size=60, unique=True), lower=st.booleans())
def test_shortened_names_never_collide(rows: list[tuple[tuple[str, str], str]], lower: bool) -> None:
    plugin = make_plugin(template="{team}-{app}", max_length=24, case="lower" if lower else "keep")
    names = {named(plugin, team=team, app=start + rest) for (team, start), rest in rows}
    assert len(names) == len(rows)


@given(model=st.from_regex(r"[a-z0-9.:/-]+", fullmatch=True))
def test_a_model_always_leaves_a_label(model: str) -> None:
    assert model_label(model) or model.endswith("/")


@given(values=st.lists(st.text(alphabet="aB7-_ é\0", min_size=1, max_size=5), min_size=1, max_size=3))
def test_parts_that_stay_are_found_at_once(values: list[str]) -> None:
    assert are_parts(values) is all(name_part(value, "-") == value for value in values)


@given(
    template=st.sampled_from(
        ["{a}-{b}", "x-{a}_{b}-y", "{a}_x-{b}", "{a}{b}", "x{a}-{b}", "{a}x-{b}", "{a} {b}", "{a}"]
    ),
    a=st.text(alphabet="a-_ ", max_size=3),
    b=st.text(alphabet="a-", max_size=2),
)
def test_a_clean_name_needs_no_look_at_its_parts(template: str, a: str, b: str) -> None:
    settings = NamingSettings.model_validate({"template": template})
    undivided = settings.model_copy(update={"template": replace(settings.template, divided=False)})
    context = PluginContext("naming", Path())
    plugin, careful = Plugin(settings, context), Plugin(undivided, context)
    found: list[str] = []
    for one in (plugin, careful):
        try:
            found.append(named(one, a=a, b=b))
        except ValueError as error:
            found.append(str(error))
    assert found[0] == found[1]
