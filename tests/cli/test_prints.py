"""What plugins print goes to standard error: standard output is the command's own."""

from __future__ import annotations

import sys

import pytest

from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine

TALKS = """
import sys

from bulkprof.plugins import Sink, hookimpl

print("loaded")


class Talks(Sink):
    name = "talks"

    async def deliver(self, outcomes):
        print("delivered")

    async def finish(self, run):
        print("finished")
        sys.stdout.write("written\\n")


@hookimpl
def bulkprof_check_profile(profile):
    print("checked")


@hookimpl
def bulkprof_sinks(run):
    return [Talks()]
"""


@pytest.fixture
def talks(commands: CommandLine, sandbox: Sandbox) -> CommandLine:
    commands.write("talks.py", TALKS)
    commands.config('[plugins.talks]\npath = "talks.py"\n')
    commands.manifest("team-a", "team-b")
    return commands


@pytest.mark.parametrize(
    "command",
    [
        ("validate", "teams.csv", "--json"),
        ("plan", "teams.csv", "--json"),
        ("apply", "teams.csv", "--json", "--yes"),
        ("plugins", "--json"),
        ("apply", "none.csv", "--json", "--yes"),
    ],
)
def test_json_stays_one_object(talks: CommandLine, command: tuple[str, ...]) -> None:
    ended = talks(*command)
    assert ended.json()
    assert "loaded" in ended.err
    process = talks.process(*command)
    assert process.json()
    assert "loaded" in process.err
    if command[0] == "apply" and "teams.csv" in command:
        assert {"checked", "finished", "written"} <= set(ended.err.splitlines())


def test_other_answers_stay_whole(talks: CommandLine) -> None:
    assert talks.apply("teams.csv") == {"created": 2}
    for command, begins in ((("export",), "name,"), (("iam-policy",), "{"), (("plugins",), "┏")):
        ended = talks(*command)
        assert ended.code == 0, ended.err
        assert ended.out.startswith(begins), command
        assert "loaded" not in ended.out


def test_standard_output_is_given_back(talks: CommandLine) -> None:
    before = sys.stdout
    talks("validate", "teams.csv")
    assert sys.stdout is before
    talks("validate", "--no-such-flag")
    assert sys.stdout is before
