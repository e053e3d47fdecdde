from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bulkprof.errors import ConfigError, PluginError
from bulkprof.model import DesiredProfile, Problem, Request, Severity, Target
from bulkprof.plugins import hookimpl
from bulkprof.rules.expand import Rules
from tests.factories import HAIKU, NOVA, row, rules


class Namer:
    def __init__(self, answer: Callable[[DesiredProfile], Any], *, enforce: bool = False) -> None:
        self.answer = answer
        self.enforce_names = enforce

    @hookimpl
    def bulkprof_name_profile(self, profile: DesiredProfile) -> Any:
        return self.answer(profile)


class Tagger:
    def __init__(self, answer: Callable[[DesiredProfile], Any]) -> None:
        self.answer = answer

    @hookimpl
    def bulkprof_tag_profile(self, profile: DesiredProfile) -> Any:
        return self.answer(profile)


class Checker(Tagger):
    @hookimpl
    def bulkprof_check_profile(self, profile: DesiredProfile) -> Any:
        return self.answer(profile)

    @hookimpl
    def bulkprof_tag_profile(self, profile: DesiredProfile) -> Any:
        return None


class Preparer:
    def __init__(self, answer: Callable[[Request], Any]) -> None:
        self.answer = answer

    @hookimpl
    def bulkprof_prepare_request(self, request: Request) -> Any:
        return self.answer(request)


def refuse(message: str) -> Callable[[object], Any]:
    def hook(_: object) -> Any:
        raise ValueError(message)

    return hook


def said(made: Rules, request: Request) -> str:
    expansion = made.expand(request)
    assert expansion.profiles == ()
    assert all((problem.file, problem.line) == ("a.csv", 2) for problem in expansion.problems)
    return "\n".join(map(str, expansion.problems))


def test_one_row_one_profile() -> None:
    request = row(tags={"Team": "a"}, description="d")
    expansion = rules(account="111122223333", region="us-east-1").expand(request)
    assert expansion.problems == ()
    assert expansion.profiles == (
        DesiredProfile(
            request,
            Target("111122223333", "us-east-1"),
            "haiku",
            HAIKU,
            "one",
            "d",
            {"Team": "a", "bulkprof:estate": "default", "bulkprof:keys": "Team"},
        ),
    )


def test_unknown_account_and_region_stay_open() -> None:
    assert rules().expand(row()).profiles[0].target == Target("", "")


def test_fan_out_over_all_three() -> None:
    request = row(
        name=None,
        models=("haiku", "nova"),
        accounts=("111122223333", "444455556666"),
        regions=("us-east-1", "eu-west-1"),
    )
    profiles = rules(naming=Namer(lambda profile: f"x-{profile.model}")).expand(request).profiles
    assert len({(p.target, p.name, p.source) for p in profiles}) == 8
    assert {p.source for p in profiles} == {HAIKU, NOVA}
    assert len({p.target for p in profiles}) == 4


def test_defaults_fill_what_the_row_leaves_open() -> None:
    defaults = {"model": "nova", "account": ["444455556666"], "region": "eu-west-1", "description": "d"}
    made = rules({"defaults": defaults}, account="111122223333", region="us-east-1")
    (profile,) = made.expand(row(models=())).profiles
    assert (profile.source, profile.target, profile.description) == (NOVA, Target("444455556666", "eu-west-1"), "d")
    own = made.expand(row(accounts=("111122223333",), description="own")).profiles[0]
    assert (own.source, own.target.account, own.description) == (HAIKU, "111122223333", "own")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"models": {"a": "b", "b": HAIKU}}, "models.a: 'b' is an alias itself"),
        ({"models": {"a": "what"}}, "models.a: 'what' is not a model id or ARN"),
        ({"defaults": {"model": "haku"}}, "did you mean haiku?"),
        ({"defaults": {"account": "1"}}, "defaults.account: '1' has 1 digits"),
        ({"defaults": {"region": "x"}}, "defaults.region: 'x'"),
        ({"defaults": {"description": "a,b"}}, "defaults.description"),
        ({"ownership_tag": "aws:x"}, "ownership_tag"),
    ],
)
def test_what_no_row_could_use_is_the_configs_fault(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rules(config)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"models": ()}, "model: the row names no model; fill the column model, or set model under [defaults]"),
        ({"models": ("haku",)}, "model 'haku': is neither an alias of the config, nor a model id, nor an ARN; did you"),
        ({"models": ("claude-3.5",)}, "the aliases are haiku, nova"),
        ({"name": None}, "name: the row has no name and no naming rule gave it one"),
        ({"name": "a.b"}, "name 'a.b': '.' at position 2"),
        (
            {"models": ("haiku", "nova")},
            "the models haiku and nova would get the same name; leave the name to a naming",
        ),
        ({"accounts": ("1",)}, "account '1': has 1 digits"),
        ({"regions": ("x",)}, "region 'x': is not a Region's name"),
        ({"description": "a,b"}, "description 'a,b': ',' at position 2"),
        ({"tags": {"a,b": "c"}}, "tag:a,b 'c': ',' at position 2 can't be in a tag key"),
        ({"tags": {"bulkprof:estate": "x"}}, "this one is 'default'; leave it out"),
        ({"tags": {"bulkprof:keys": "x"}}, "lists the keys that bulkprof manages; leave it out"),
        ({"tags": {"bulkprof:delete-after": "x"}}, "tells when a replaced profile is deleted; leave it out"),
        ({"tags": {str(n): "" for n in range(50)}}, "51 tags are too many"),
    ],
)
def test_rows_that_no_rule_can_save(fields: dict[str, Any], message: str) -> None:
    assert message in said(rules(), row(**fields))


def test_all_problems_of_a_row_once_each() -> None:
    request = row(name="a.b", models=("haku", "haiku"), regions=("us-east-1", "eu-west-1"), description="a,b")
    problems = rules().expand(request).problems
    assert [problem.column for problem in problems if problem.value != "a.b"] == ["model", "description"]
    assert len(problems) == len(set(problems))


def test_a_region_is_no_problem_of_a_row_that_asks_for_nothing() -> None:
    assert said(rules(), row(models=(), regions=("x",))).startswith("a.csv:2: model: the row names no model")
    assert "region" not in said(rules(), row(models=(), regions=("x",)))


def test_the_estates_own_tag_may_be_written_out() -> None:
    assert rules().expand(row(tags={"bulkprof:estate": "default"})).profiles


def test_the_first_name_wins_and_a_given_name_is_not_asked_for() -> None:
    made = rules(a=Namer(lambda _: None), b=Namer(lambda _: "b"), c=Namer(refuse("never asked")))
    assert made.expand(row(name=None)).profiles[0].name == "b"
    assert made.expand(row()).profiles[0].name == "one"


def test_enforced_names() -> None:
    made = rules(loose=Namer(lambda _: "loose"), strict=Namer(lambda _: "strict", enforce=True))
    assert made.expand(row(name="strict")).profiles[0].name == "strict"
    assert "name 'one': plugin 'strict' enforces the name 'strict'" in said(made, row())


def test_values_of_plugins_are_held_to_the_limits() -> None:
    assert "name 'a.b': from plugin 'p': '.'" in said(rules(p=Namer(lambda _: "a.b")), row(name=None))
    assert "tag:x 'a,b': from plugin 'p': ','" in said(rules(p=Tagger(lambda _: {"x": "a,b"})), row())
    many = {str(n): "" for n in range(50)}
    assert "51 tags are too many" in said(rules(p=Tagger(lambda _: many)), row())
    assert "from plugin 'p'" in said(rules(p=Tagger(lambda _: {"bulkprof:estate": "x"})), row())
    wrong = Preparer(lambda request: replace(request, regions=("x",), tags={"a,b": ""}))
    assert "region 'x'" in (text := said(rules(p=wrong), row()))
    assert "tag:a,b" in text


def test_tags_merge_the_manifest_wins_and_plugins_must_agree() -> None:
    made = rules(a=Tagger(lambda _: {"Team": "a", "Env": "dev"}), b=Tagger(lambda _: {"Team": "b", "Env": "dev"}))
    profile = made.expand(row(tags={"Team": "own"})).profiles[0]
    assert dict(profile.tags) == {
        "Team": "own",
        "Env": "dev",
        "bulkprof:estate": "default",
        "bulkprof:keys": "Env Team",
    }
    assert "tag:Team: plugin 'a' says 'a', plugin 'b' says 'b'" in said(made, row())


def test_plugins_see_each_step() -> None:
    seen: list[DesiredProfile] = []

    def look(answer: Any) -> Callable[[DesiredProfile], Any]:
        return lambda profile: (seen.append(profile), answer)[1]

    made = rules(n=Namer(look("named")), t=Tagger(look({"x": "1"})), c=Checker(look(None)))
    made.expand(row(name=None, tags={"y": "2"}))
    assert [(profile.name, sorted(profile.tags)) for profile in seen] == [
        ("", ["y"]),
        ("named", ["y"]),
        ("named", ["bulkprof:estate", "bulkprof:keys", "x", "y"]),
    ]


def test_checks() -> None:
    made = rules(p=Checker(lambda _: [Problem("bad"), Problem("elsewhere", "b.csv", 7)]))
    assert list(map(str, made.expand(row()).problems)) == ["a.csv:2: bad", "b.csv:7: elsewhere"]
    assert made.expand(row()).profiles == ()
    warned = rules(p=Checker(lambda _: [Problem("hm", severity=Severity.WARNING)])).expand(row())
    assert len(warned.profiles) == len(warned.problems) == 1


def test_the_chain_of_preparation() -> None:
    made = rules(
        a=Preparer(lambda request: replace(request, attributes={"x": "1"})),
        b=Preparer(lambda request: replace(request, description=f"x {request.attributes['x']}")),
        c=Preparer(lambda _: None),
    )
    assert made.expand(row()).profiles[0].description == "x 1"


@pytest.mark.parametrize(
    "plugin", [Namer(refuse("no")), Tagger(refuse("no")), Checker(refuse("no")), Preparer(refuse("no"))]
)
def test_a_value_error_is_the_rows_problem(plugin: object) -> None:
    assert (
        said(rules(mine=plugin), row(name=None if isinstance(plugin, Namer) else "n")) == "a.csv:2: plugin 'mine': no"
    )


@pytest.mark.parametrize(
    "plugin",
    [
        Namer(lambda _: 1),
        Tagger(lambda _: ["x"]),
        Tagger(lambda _: ""),
        Tagger(lambda _: {"x": 1}),
        Tagger(lambda _: {"é": 1}),
        Tagger(lambda _: {"given": 1}),
        Tagger(lambda _: {1: "x"}),
        Checker(lambda _: ["bad"]),
        Checker(lambda _: 1),
        Preparer(lambda _: "x"),
        Preparer(lambda request: replace(request, line=9)),
        Preparer(lambda request: replace(request, models="haiku")),
        Preparer(lambda request: replace(request, tags={"x": 1})),
        Preparer(lambda request: replace(request, name=1)),
        Preparer(lambda request: replace(request, disown="yes")),
        Namer(lambda _: {}["x"]),
    ],
)
def test_a_broken_plugin_is_named(plugin: object) -> None:
    with pytest.raises(PluginError, match="plugin 'mine'"):
        rules(mine=plugin).expand(row(name=None if isinstance(plugin, Namer) else "n", tags={"given": "a"}))
