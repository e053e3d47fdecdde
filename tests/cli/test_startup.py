"""Commands that need neither AWS nor the sandbox start at once: they import none of the heavy libraries."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from bulkprof.cli.app import HOMES, app, register
from tests.cli.driver import CommandLine

HEAVY = (
    "boto3",
    "botocore",
    "aioboto3",
    "aiobotocore",
    "aiohttp",
    "moto",
    "flask",
    "werkzeug",
    "jinja2",
    "opentelemetry",
)
# What others of our commands need.
ONLY_ELSEWHERE = (
    *("aws", "workflows.apply", *(f"workflows.steps.{step}" for step in ("connect", "resolve", "planner", "execute"))),
    *("planning.diff", "delivery.sinks", "engine.engine", "engine.targets", "engine.lane"),
    *("cli.commands.plan", "cli.commands.apply", "cli.commands.export"),
)
PROGRAM = """\
import sys
from bulkprof.cli.app import run
code = run(sys.argv[1:])
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("validate", "teams.csv"),
        ("plugins",),
        ("apply", "absent.csv", "--yes"),
    ],
)
def test_nothing_heavy_is_imported(commands: CommandLine, arguments: tuple[str, ...]) -> None:
    commands.config('[plugins.naming]\ntemplate = "{team}-{model}"\n\n[plugins.s3]\nbucket = "reports"\n')
    commands.manifest("search", header="team")
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=commands.folder, capture_output=True, text=True, check=False
    )
    assert ended.returncode == (65 if "absent.csv" in arguments else 0), ended.stderr
    imported = set(ended.stderr.splitlines()[-1].split())
    assert "bulkprof" in imported
    assert imported.isdisjoint(HEAVY)


def test_help_needs_almost_nothing(commands: CommandLine) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, "--help"], cwd=commands.folder, capture_output=True, text=True, check=False
    )
    imported = set(ended.stderr.splitlines()[-1].split())
    assert imported.isdisjoint((*HEAVY, "rich", "pydantic", "pluggy", "sqlite3", "tenacity", "anyio", "asyncio"))


def test_validate_needs_nothing_that_sends_or_draws(commands: CommandLine) -> None:
    commands.manifest("search")
    program = [sys.executable, "-c", PROGRAM, "validate", "teams.csv"]
    ended = subprocess.run(program, cwd=commands.folder, capture_output=True, text=True, check=True)
    imported = set(ended.stderr.splitlines()[-1].split())
    ours = {name.removeprefix("bulkprof.") for name in imported if name.startswith("bulkprof.")}
    assert "workflows.validate" in ours
    assert imported.isdisjoint((*HEAVY, "rich", "tenacity"))
    assert ours.isdisjoint(ONLY_ELSEWHERE)


def test_each_command_is_where_it_is_looked_for() -> None:
    register()
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    homes = {name: command.callback.__module__ for name, command in commands.items()}
    assert homes == {name: f"bulkprof.cli.commands.{home}" for name, home in HOMES.items()}
