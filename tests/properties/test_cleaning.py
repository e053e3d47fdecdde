"""Cleaning and naming: two rows that are different never become one profile, or one tag, without a word."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from bulkprof_naming import NamingSettings, Plugin
from bulkprof_naming.shape import name_part
from hypothesis import given, settings
from hypothesis import strategies as st

import bulkprof
from bulkprof.config import Config, Settings
from bulkprof.model import DesiredProfile, Problem, Request
from bulkprof.plugins import TAG_VALUES, PluginContext, clean
from tests.factories import HAIKU, TARGET

TEAMS = st.lists(st.text(st.sampled_from("sSøOo &-.ł研"), min_size=1, max_size=3), min_size=2, max_size=8).map(
    lambda teams: [team for team in teams if any(map(str.isalnum, team))]
)


def shown(team: str, case: str) -> str:
    """A name's part as a message shows it: what naming changed nothing of but the case is shown as in the name."""
    return team if name_part(team, "-") != team else team.lower() if case == "lower" else team


@dataclass
class Heard(bulkprof.Ui):
    problems: list[Problem] = field(default_factory=list)

    def problem(self, problem: Problem) -> None:
        self.problems.append(problem)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cleaning")


def validated(folder: Path, teams: Sequence[str], naming: dict[str, str]) -> tuple[int, list[Problem]]:
    path = folder / "m.jsonl"
    path.write_text("".join(json.dumps({"team": team}) + "\n" for team in teams))
    config = Settings.model_validate(
        {
            "defaults": {"model": "haiku", "region": "us-east-1"},
            "models": {"haiku": HAIKU},
            "plugins": {"naming": naming, "tags": {"columns": ["team"], "clean": True}},
        }
    )
    ui = Heard()
    found = anyio.run(bulkprof.validate, str(path), bulkprof.Options(config=Config(settings=config)), ui)
    return found.desired, ui.problems


@given(teams=TEAMS, case=st.sampled_from(["keep", "lower"]), hashed=st.sampled_from(["when-shortened", "when-changed"]))
@settings(max_examples=60, deadline=None)
def test_rows_that_become_one_are_told(folder: Path, teams: list[str], case: str, hashed: str) -> None:
    naming = {"template": "x-{team}", "case": case, "hash": hashed}
    plugin = Plugin(NamingSettings.model_validate(naming), PluginContext("naming", folder))
    lines: dict[str, list[int]] = {}
    for line, team in enumerate(teams, 1):
        request = Request("m.jsonl", line, attributes={"team": team.strip()})
        try:
            name = plugin.bulkprof_name_profile(DesiredProfile(request, TARGET, "haiku", HAIKU))
        except ValueError:
            continue
        lines.setdefault(name, []).append(line)
    desired, problems = validated(folder, teams, naming) if teams else (0, [])
    assert desired == sum(len(same) == 1 for same in lines.values())
    told = {problem.line: problem for problem in problems if "the same name" in problem.message}
    assert set(told) == {line for same in lines.values() for line in same[1:]}
    for first, *others in lines.values():
        for line in others:
            given, before = teams[line - 1].strip(), teams[first - 1].strip()
            assert told[line].message.startswith(f"the same name in (caller)/us-east-1 as {folder / 'm.jsonl'}:{first}")
            one, other = shown(before, case), shown(given, case)
            made = f": there it is made of 'x-{one}', here of 'x-{other}'"
            assert told[line].message.endswith(made) == (one != other)


@given(teams=TEAMS)
@settings(max_examples=60, deadline=None)
def test_tags_that_become_one_are_told_once(folder: Path, teams: list[str]) -> None:
    _, problems = validated(folder, teams, {"template": "{team}", "hash": "always"}) if teams else (0, [])
    became: dict[str, dict[str, int]] = {}
    for line, team in enumerate(teams, 1):
        if cleaned := clean(team.strip(), TAG_VALUES):
            became.setdefault(cleaned, {}).setdefault(team.strip(), line)
    merged = {value: given for value, given in became.items() if len(given) > 1}
    told = [problem for problem in problems if problem.message.endswith(tuple(f"become {v!r}" for v in became))]
    assert len(told) == len(merged)
    for value, different in merged.items():
        (problem,) = (each for each in told if each.message.endswith(f"become {value!r}"))
        assert not problem.is_error
        (one, line), *_ = different.items()
        assert problem.message.startswith(f"{one!r} ({folder / 'm.jsonl'}:{line})")
