"""Values that break a limit are shown to `bulkprof_prepare_request` first, and count as what it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import anyio
import pytest

import bulkprof
from bulkprof.model import Problem, Request
from bulkprof.rules.hooks import still_has
from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine

KEEP = """\
from bulkprof.plugins import hookimpl

@hookimpl
def bulkprof_prepare_request(request):
    return None
"""
MEND = """\
from dataclasses import replace
from bulkprof.plugins import hookimpl

def cut(text):
    return " ".join("".join(c if c.isalnum() else " " for c in text).split())

@hookimpl
def bulkprof_prepare_request(request):
    return replace(
        request,
        name=cut(request.name) if request.name else None,
        description=cut(request.description) if request.description else None,
        accounts=tuple(a.replace("-", "") for a in request.accounts),
        regions=tuple(part.strip() for region in request.regions for part in region.lower().split(",")),
        tags={key.replace("!", ""): value.replace(";", " ") for key, value in request.tags.items()},
    )
"""
WRONG = [
    ("name", "team: a"),
    ("name", "x" * 65),
    ("description", "Ranks results, well"),
    ("region", "US-East-1"),
    ("region", "us-east-1, us-west-2"),
    ("account", "1111-2222-3333"),
    ("tag:Team", "a;b"),
]


class Heard(bulkprof.Ui):
    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def problem(self, problem: Problem) -> None:
        self.problems.append(problem)


def validated(commands: CommandLine, rule: str, manifest: str) -> tuple[int, list[Problem]]:
    """Return how many profiles a manifest makes with this rule, and its problems."""
    path = commands.folder / "rule.py"
    path.write_text(rule, encoding="utf-8")
    table = f'\n[plugins.rule]\npath = "{path.name}"\n' if rule else ""
    commands.config(table)
    ui, options = Heard(), bulkprof.Options(config=bulkprof.load_config("bulkprof.toml"))
    return anyio.run(bulkprof.validate, manifest, options, ui).desired, ui.problems


def manifest_of(commands: CommandLine, column: str, value: str) -> str:
    header = "name" if column == "name" else f"name,{column}"
    cell = f'"{value}"'
    return commands.manifest(cell if column == "name" else f"team-a,{cell}", header=header)


@pytest.mark.parametrize(("column", "value"), WRONG)
def test_what_no_rule_puts_right_is_told_as_without_one(commands: CommandLine, column: str, value: str) -> None:
    manifest = manifest_of(commands, column, value)
    alone = validated(commands, "", manifest)
    assert (alone[0], len(alone[1])) == (0, 1)
    assert validated(commands, KEEP, manifest) == alone


@pytest.mark.parametrize(("column", "value"), [pair for pair in WRONG if pair[1][0] != "x"])
def test_a_rule_may_put_it_right(commands: CommandLine, column: str, value: str) -> None:
    desired, problems = validated(commands, MEND, manifest_of(commands, column, value))
    assert (desired, problems) == (2 if "," in value and column == "region" else 1, [])


def test_tags_of_json_objects_too(commands: CommandLine) -> None:
    manifest = commands.write("a.json", '[{"name": "a", "tags": {"Te!am": "a", "App": "x;y"}}]')
    desired, problems = validated(commands, KEEP, manifest)
    assert (desired, sorted(problem.column for problem in problems)) == (0, ["tag:App", "tag:Te!am"])
    assert validated(commands, MEND, manifest) == (1, [])


def test_what_a_request_can_not_hold_never_comes_to_a_rule(commands: CommandLine) -> None:
    manifest = commands.manifest("team-a,us-east-1||us-west-2", header="name,region")
    assert validated(commands, MEND, manifest) == validated(commands, "", manifest)
    # Nor does a row below a header that can't be right.
    manifest = commands.manifest('"team: a",x', header="name,acount")
    assert validated(commands, MEND, manifest) == validated(commands, "", manifest)


def test_a_row_is_used_with_the_mended_values(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.write("rule.py", MEND)
    commands.config('\n[plugins.rule]\npath = "rule.py"\n')
    commands.apply(commands.manifest('team-a,"Ranks results, well",a;b', header="name,description,tag:Team"))
    (profile,) = sandbox.ledger().live
    assert profile.name == "team a"
    assert dict(commands.results()[0]["tags"])["Team"] == "a b"


@pytest.mark.parametrize(
    ("column", "value", "change"),
    [
        ("name", "a!", lambda r: replace(r, name="a")),
        ("description", "a,b", lambda r: replace(r, description=None)),
        ("region", "x", lambda r: replace(r, regions=("us-east-1",))),
        ("account", "x!", lambda r: replace(r, accounts=())),
        ("tag:T", "a;b", lambda r: replace(r, tags={})),
    ],
)
def test_a_problem_goes_with_the_value_that_it_is_about(
    column: str, value: str, change: Callable[[Request], Request]
) -> None:
    request = Request("a.csv", 2, "a!", (), "a,b", ("x!",), ("x",), {"T": "a;b"})
    problem = Problem("is wrong", "a.csv", 2, column, value)
    assert still_has(request, problem)
    assert not still_has(change(request), problem)
