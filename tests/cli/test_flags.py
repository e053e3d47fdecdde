"""The flags: each stands once, a command has those that it names, and help lists commands as they are needed."""

import typer
from typer.testing import CliRunner

from bulkprof.cli.flags import ConfigOnly, Display, Execution, Lines, Scope, with_flags
from tests.cli.driver import CommandLine

ORDER = [
    "init",
    "validate",
    "plan",
    "apply",
    "sync",
    "resume",
    "shard",
    "merge",
    "export",
    "disown",
    "runs",
    "report",
    "catalog",
]
ORDER += ["cost-tags", "usage", "iam-policy", "plugins", "schema", "sandbox"]


def test_commands_are_listed_in_the_order_of_their_use(commands: CommandLine) -> None:
    listed = commands("--help").out.partition("Commands:\n")[2]
    assert [line.split()[0] for line in listed.splitlines() if line[2:3].strip()] == ORDER


def test_a_command_gets_its_groups() -> None:
    taken: list[object] = []
    app = typer.Typer()

    @app.command()
    @with_flags
    def command(name: str, scope: Scope, run: ConfigOnly, shown: Lines) -> None:
        taken.extend([name, scope.prune, scope.regions, run.config, run.state_dir, shown.no_color, shown.as_json])

    ended = CliRunner().invoke(app, ["nightly", "--prune", "--regions", "eu-west-1,eu-central-1", "--no-color"])
    assert ended.exit_code == 0, ended.output
    assert taken == [
        *("nightly", True, ["eu-west-1", "eu-central-1"]),
        *(None, Execution().state_dir, True, Display().as_json),
    ]


def test_a_command_has_no_other_flags(commands: CommandLine) -> None:
    ended = commands("apply", "teams.csv", "--prune")
    assert (ended.code, "--prune" in ended.err) == (64, True)
    assert "Commands with --prune: plan, sync, iam-policy\n" in ended.err
    assert "Commands with" not in commands("apply", "teams.csv", "--frobnicate").err
    assert "--deadline" not in commands("plan", "--help").out
