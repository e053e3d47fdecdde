"""Errors name parameters where a program calls, and flags where the command line does."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

import bulkprof
from bulkprof.errors import ConfigError, ManifestError, SafetyError, StateError, UsageError
from bulkprof.plugins import Problem, hookimpl
from bulkprof.sandbox import Sandbox
from bulkprof.text.printable import Lines, printable_lines
from bulkprof.workflows.arguments import named
from tests.cli.driver import CommandLine

KNOWN = {"state_dir", "prune", "allow_deletions", "accounts"}


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("choose another --state-dir", "choose another state_dir"),
        ("say where it is: --state-dir DIR", "say where it is: state_dir=DIR"),
        ("--allow-deletions 10", "allow_deletions 10"),
        ("--prune with 3 rows, --accounts 'x': none", "prune with 3 rows, accounts 'x': none"),
        ("`bulkprof sync --prune` would; see --prune", "`bulkprof sync --prune` would; see prune"),
        ("--unheard-of stays, and so does a--prune", "--unheard-of stays, and so does a--prune"),
    ],
)
def test_flags_become_parameters(message: str, told: str) -> None:
    assert named(message, KNOWN) == told


def test_lines_stay_lines() -> None:
    told = named(printable_lines(["first --prune", "second"]), KNOWN)
    assert isinstance(told, Lines)
    assert told == "first prune\nsecond"


@pytest.mark.parametrize(
    ("given", "flags", "said"),
    [
        ({"deadline": "soon"}, False, "^deadline 'soon': must be a duration"),
        ({"deadline": "soon"}, True, "^--deadline 'soon': must be a duration"),
        ({"results": "r.txt"}, False, "^results r.txt: must end in"),
        ({"failed": "none/f.csv"}, False, "^failed none/f.csv: there is no folder"),
        ({"max_targets_in_flight": 0}, False, "^max_targets_in_flight 0: must be from 1"),
        ({"failure_tolerance": "many"}, False, "^failure_tolerance 'many': must be a share"),
        ({"regions": ["nowhere"]}, False, "^regions 'nowhere': "),
        ({"accounts": ["ou:"]}, False, "^accounts "),
        ({"allow_updates": -1}, False, "^allow_updates is how many"),
    ],
)
async def test_values_that_cannot_be_used(
    given: dict[str, Any], flags: bool, said: str, commands: CommandLine, sandbox: Sandbox
) -> None:
    with pytest.raises(UsageError, match=said):
        await bulkprof.apply(commands.manifest("search"), bulkprof.Options(flags=flags, **given))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sandbox": "yes"}, r"sandbox is True or False, not str \('yes'\)"),
        ({"skip_invalid": 1}, "skip_invalid is True or False, not int"),
        ({"max_targets_in_flight": "5"}, "max_targets_in_flight is a number, not str"),
        ({"allow_deletions": True}, "allow_deletions is a number, not bool"),
        ({"processes": None}, "processes is a number, not NoneType"),
        ({"sandbox_latency": "x"}, "sandbox_latency is a number, not str"),
        ({"deadline": 7200}, "deadline is a string, not int"),
        ({"stdin": io.StringIO("name")}, "stdin is a binary stream, such as io.BytesIO, not StringIO"),
        ({"stdin": "name"}, "stdin is a binary stream, such as io.BytesIO, not str"),
    ],
)
def test_options_of_another_kind(given: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError, match=f"^{said}"):
        bulkprof.Options(**given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"processes": 0}, "processes is a number from 1 on, not 0"),
        ({"csv_cells": "sale"}, "csv_cells is 'safe' or 'raw', not 'sale'"),
    ],
)
def test_options_that_cannot_be(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=f"^{said}"):
        bulkprof.Options(**given)


async def test_a_cap_names_the_option_that_lifts_it(commands: CommandLine, sandbox: Sandbox) -> None:
    config = bulkprof.load_config()
    await bulkprof.apply(commands.manifest(*(f"name-{number}" for number in range(8))), bulkprof.Options(config=config))
    commands.manifest("name-0")
    with pytest.raises(SafetyError, match="allow it in this run: allow_deletions 7"):
        await bulkprof.sync("teams.csv", bulkprof.Options(config=config, prune=True))


async def test_a_state_directory_that_cannot_be(commands: CommandLine) -> None:
    (commands.folder / "state").touch()
    with pytest.raises(StateError, match="choose another state_dir"):
        await bulkprof.apply(commands.manifest("search"), bulkprof.Options(state_dir="state"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"options": {"sandbox": True}}, r"options is an instance of bulkprof\.Options, not dict"),
        ({"options": bulkprof.Options}, r"options is an instance of bulkprof\.Options, not the class Options"),
        ({"ui": bulkprof.Ui}, r"ui is an instance of bulkprof\.Ui, not the class Ui"),
        ({"stop": 3}, r"stop is an instance of bulkprof\.Stop, not int"),
        ({"out": 3}, r"out is a path, not int \(3\)"),
        ({"out": b"plan.db"}, "out is a path, not bytes"),
    ],
)
async def test_arguments_of_another_kind(given: dict[str, Any], said: str, commands: CommandLine) -> None:
    with pytest.raises(TypeError, match=said):
        await bulkprof.plan(commands.manifest("search"), **given)


async def test_more_arguments_of_another_kind(tmp_path: Path) -> None:
    wrong: Any = 3
    with pytest.raises(TypeError, match="run_id is a path, not int"):
        bulkprof.report(wrong)
    with pytest.raises(TypeError, match="html is a path, not int"):
        bulkprof.report(html=wrong)
    with pytest.raises(TypeError, match="run_id is a path, not int"):
        bulkprof.outcomes(wrong)
    with pytest.raises(TypeError, match="run_id is a path, not int"):
        await bulkprof.resume(wrong)
    with pytest.raises(TypeError, match="out is a path, not int"):
        await bulkprof.export(wrong)
    with pytest.raises(TypeError, match="plan is a path, not int"):
        await bulkprof.shard(wrong, "shares", count=1)
    with pytest.raises(TypeError, match="into is a path, not int"):
        await bulkprof.shard("plan.db", wrong, count=1)
    with pytest.raises(TypeError, match="write an address in S3 as a string"):
        await bulkprof.shard("plan.db", Path("s3://bucket/shares/"), count=1)
    with pytest.raises(TypeError, match=r"profiles is a number, not str \('3'\)"):
        await bulkprof.shard("plan.db", "shares", profiles="3")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="plan is a path, not int"):
        await bulkprof.merge(wrong, "shares")
    with pytest.raises(TypeError, match="shares are paths, not int"):
        await bulkprof.merge("plan.db", wrong)
    with pytest.raises(TypeError, match=r"options is an instance of bulkprof\.Options, not int"):
        await bulkprof.merge("plan.db", "shares", wrong)
    with pytest.raises(TypeError, match="names takes strings, not int"):
        await bulkprof.disown(wrong)
    with pytest.raises(TypeError, match="file is a path, not int"):
        bulkprof.load_config(wrong)
    with pytest.raises(TypeError, match="write an address in S3 as a string"):
        bulkprof.load_config(Path("s3://bucket/bulkprof.toml"))
    with pytest.raises(ConfigError, match=r"^s3://: write it as s3://bucket/key"):
        bulkprof.load_config("s3://")
    with pytest.raises(TypeError, match="plugins are objects by their names, not list"):
        bulkprof.Options(plugins=[wrong])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unexpected keyword argument 'dry_run'"):
        await bulkprof.plan("teams.csv", dry_run=True)  # type: ignore[call-arg]


async def test_a_plugin_may_be_an_object_of_the_program(sandbox: Sandbox, commands: CommandLine) -> None:
    class Names:
        @hookimpl
        def bulkprof_check_profile(self, profile: Any) -> list[Problem]:
            return [Problem("no", profile.request.file, profile.request.line)] if profile.name == "other" else []

    row = io.BytesIO(b"name\nsearch\nother\n")
    config = bulkprof.load_config()
    with pytest.raises(ManifestError) as caught:
        await bulkprof.apply("-", bulkprof.Options(config=config, stdin=row, plugins={"names": Names()}))
    assert [problem.message for problem in caught.value.problems] == ["no"]
    assert str(caught.value).endswith("go on with the rest: skip_invalid")
    with pytest.raises(bulkprof.BulkprofError, match="plugin 'names': implements no hook"):
        await bulkprof.apply("-", bulkprof.Options(plugins={"names": object()}))
