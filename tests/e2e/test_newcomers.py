"""A newcomer's first hour: init, the sandbox, what went on, and what goes wrong on the way."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine, read_csv

RULES = """\
from bulkprof.plugins import hookimpl

@hookimpl
def bulkprof_tag_profile(profile):
    return {"Made": "yes"}
"""


def test_from_nothing_to_profiles(commands: CommandLine) -> None:
    (commands.folder / "bulkprof.toml").unlink()
    ended = commands("init")
    assert (ended.code, ended.out) == (0, "")
    assert commands("validate", "profiles.csv").code == 0
    (line,) = [line for line in ended.err.splitlines() if line.startswith("next: bulkprof ")]
    made = commands(*line.removeprefix("next: bulkprof ").split(), "--yes", "--results", "made.csv")
    assert made.code == 0, made.err
    rows = read_csv(commands.folder / "made.csv")
    assert [row["name"] for row in rows] == [
        "search-ranking-nova-lite",
        "search-suggest-nova-lite",
        "support-assistant-nova-lite",
    ]
    assert {row["outcome"] for row in rows} == {"created"}
    # The sandbox keeps its profiles, so a second run finds them.
    again = commands("apply", "profiles.csv", "--sandbox", "--json").json()
    assert again["outcomes"]["unchanged"] == 3
    assert "CreateInferenceProfile" not in again["calls"]
    assert commands("init").code == 64
    assert commands("init", "elsewhere").err.endswith("next: cd elsewhere && bulkprof apply profiles.csv --sandbox\n")
    written = sorted(path.name for path in Path("elsewhere").iterdir())
    assert written == ["bulkprof.schema.json", "bulkprof.toml", "profiles.csv"]


def test_what_went_on(commands: CommandLine, sandbox: Sandbox) -> None:
    assert commands("runs").err == "no runs in .bulkprof\n"
    run_id = commands.summary("apply", commands.manifest("team-a"))["run_id"]
    assert commands("apply", "absent.csv", "--yes").code == 65
    listed = commands("runs")
    assert listed.code == 0
    assert re.search(rf"{run_id}\W+apply\W+.*finished", listed.out)
    assert "1 created" in listed.out
    assert "refused" in listed.out
    report = commands("report", run_id)
    assert report.code == 0
    assert re.search(r"created\W+1", report.out)
    assert f"Run {run_id}: " in report.out
    # The beginning of an id will do where it is the only one.
    assert commands("report", run_id[:-1]).out == report.out
    assert commands("report", run_id[:4]).code == 64
    refused = next(run["run_id"] for run in commands("runs", "--json").json()["runs"] if run["status"] == "refused")
    told = commands("report", refused)
    assert told.code == 0
    assert "the run did not start: 1 problem in 1 file; nothing was changed. Mend them, and run it again" in told.err


def test_damaged_and_foreign_files_in_the_state_directory(commands: CommandLine, sandbox: Sandbox) -> None:
    run_id = commands.summary("apply", commands.manifest("team-a"))["run_id"]
    runs = commands.folder / ".bulkprof" / "runs"
    (runs / "20990101T000000Z-aaaaaa.db").write_bytes(b"no database at all" * 100)
    (runs / "20990101T000000Z-bbbbbb.db").write_bytes(b"")
    whole = (runs / f"{run_id}.db").read_bytes()
    (runs / "20990101T000000Z-cccccc.db").write_bytes(whole[: len(whole) // 2])
    (runs / "20990101T000000Z-dddddd.db").write_bytes(whole[:5000] + bytes(3000) + whole[8000:])
    (runs / "20990101T000000Z-eeeeee.db").mkdir()
    listed = commands("runs", "--json")
    assert listed.code == 0
    assert run_id in {run["run_id"] for run in listed.json()["runs"]}
    assert commands("runs").code == 0
    assert commands("resume", "--yes").code in {1, 64}
    for letter in "abcde":
        ended = commands("report", f"20990101T000000Z-{letter * 6}")
        assert ended.code in {0, 1}
        assert "Traceback" not in ended.err
    assert commands.apply("teams.csv") == {"unchanged": 1}


def test_plugins_are_listed(commands: CommandLine) -> None:
    commands.write("rules.py", RULES)
    commands.config('[plugins.rules]\npath = "rules.py"\n\n[plugins.naming]\ntemplate = "{team}"\n')
    plugins = commands("plugins", "--json").json()["plugins"]
    assert [(plugin["name"], plugin["active"]) for plugin in plugins][:2] == [("rules", True), ("naming", True)]
    assert plugins[0]["hooks"] == ["bulkprof_tag_profile"]
    assert {plugin["name"]: plugin["active"] for plugin in plugins[2:]}["slack"] is False
    assert "rules.py" in commands("plugins").out
    checked = commands("plugins", "check", "rules.py")
    assert (checked.code, checked.out) == (0, "rules.py is fine; it implements bulkprof_tag_profile\n")
    commands.write("rules.py", RULES.replace("tag_profile", "tag_profil"))
    assert commands("plugins", "check", "rules.py").code == 1
    listed = commands("plugins")
    assert listed.code == 1
    assert "bulkprof_tag_profil" in listed.err


def test_a_sandbox_for_others(commands: CommandLine) -> None:
    with commands.started("sandbox", "--port", "0", "--rate", "500") as server:
        assert server.stdout is not None
        assert server.stderr is not None
        environment = {}
        while "AWS_CONFIG_FILE" not in environment or "no_proxy" not in environment:
            name, _, value = server.stdout.readline().removeprefix("export ").rstrip("\n").partition("=")
            assert name
            environment[name] = value
        ended = commands.process("apply", commands.manifest("team-a"), "--yes", "--json", **environment)
        assert (ended.code, ended.json()["outcomes"]["created"]) == (0, 1)
        busy = commands("sandbox", "--port", environment["AWS_ENDPOINT_URL"].rpartition(":")[2])
        assert busy.code == 1
        assert "can't be used" in busy.err
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)
    assert server.returncode == 0


@pytest.mark.parametrize(
    "name",
    [
        "folder.csv",
        "huge.csv",
        "broken.json",
        "binary.csv",
        "dangling.csv",
        pytest.param("x" * 300 + ".csv", id="long name"),
        pytest.param("", id="no name"),
    ],
)
def test_an_odd_manifest_is_refused_in_few_words(commands: CommandLine, sandbox: Sandbox, name: str) -> None:
    (commands.folder / "folder.csv").mkdir()
    commands.write("huge.csv", "name\n" + "x" * 300_000 + "\n")
    commands.write("broken.json", '[{"name": "team-a"')
    (commands.folder / "binary.csv").write_bytes(bytes(range(256)))
    (commands.folder / "dangling.csv").symlink_to("nowhere")
    ended = commands("apply", name, "--yes")
    assert ended.code == 65
    assert "Traceback" not in ended.err
    assert len(ended.err) < 2000
    assert sandbox.ledger().count("AssumeRole") == 0


def test_a_manifest_with_another_ending_is_read_or_refused(commands: CommandLine, sandbox: Sandbox) -> None:
    assert commands("apply", commands.write("odd.txt", "name\nteam-a\n"), "--yes").code in {0, 65}
    assert sandbox.ledger().count("AssumeRole") == 0


@pytest.mark.parametrize("text", ["no journal\n", "no journal, and no newline", "[1]\n"])
def test_a_state_file_that_is_something_else_is_left_alone(commands: CommandLine, text: str) -> None:
    commands.write("notes.txt", text)
    ended = commands("sandbox", "--state-file", "notes.txt")
    assert ended.code == 64
    assert "notes.txt is not a sandbox's state file" in ended.err
    (commands.folder / ".bulkprof").mkdir()
    commands.write(".bulkprof/sandbox.journal", text)
    ended = commands("apply", commands.manifest("team-a"), "--sandbox", "--yes")
    assert ended.code == 1
    assert "sandbox.journal is not a sandbox's state file" in ended.err
    assert (commands.folder / "notes.txt").read_text() == text


def test_several_values_in_one_cell_are_told_how_to_stand_there(commands: CommandLine) -> None:
    commands.config('\n[models]\nnova = "amazon.nova-lite-v1:0"\nsonnet = "x.sonnet-v1:0"\n')
    row = 'a,"nova, sonnet","111122223333, 444455556666","us-east-1, eu-central-1"'
    told = commands("validate", commands.manifest(row, header="name,model,account,region")).err
    for meant in ("us-east-1|eu-central-1", "111122223333|444455556666"):
        assert f"holds several values; separate them by |: {meant}" in told
    commands.manifest('a,"nova, sonnet"', header="name,model")
    assert "holds several values; separate them by |: nova|sonnet" in commands("validate", "teams.csv").err
    flag = commands("plan", "teams.csv", "--regions", "us-east-1|us-west-2")
    assert (flag.code, "separate them by commas: us-east-1,us-west-2" in flag.err) == (64, True)


def test_a_region_that_is_likely_misspelt(commands: CommandLine) -> None:
    ended = commands("validate", commands.manifest("a,us-esat-1", header="name,region"))
    assert ended.code == 0
    assert (
        "warning: teams.csv:2: region 'us-esat-1': is no Region that is known here; did you mean us-east-1?"
        in ended.err
    )
    commands.config("", base='[defaults]\nregion = "us-esat-1"\nmodel = "amazon.nova-lite-v1:0"\n')
    told = commands("validate", commands.manifest("a", "b")).err
    assert told.count("warning: defaults.region: 'us-esat-1' is no Region that is known here; did you mean") == 1


def test_what_is_wrong_with_files_is_no_problem_of_rows(commands: CommandLine, sandbox: Sandbox) -> None:
    ended = commands("validate", "absent.csv")
    assert ended.err.splitlines()[-1] == "error: 0 rows, 0 desired profiles, 1 problem in 1 file"
    manifest = commands.manifest("a", "b!")
    both = commands("validate", manifest, "absent.csv")
    assert both.err.splitlines()[-1] == "error: 2 rows, 1 desired profile, 2 problems in 1 row and 1 file"
    # The flag is named only where it leads anywhere.
    assert "--skip-invalid" in commands("apply", manifest, "--yes").err
    assert "--skip-invalid" not in commands("sync", manifest, "--yes", "--prune").err
    assert "--skip-invalid" not in commands("apply", "absent.csv", "--yes").err


@pytest.mark.parametrize(("name", "reader"), [("a.sheet", "Sheets"), ("a.later", "Later")])
def test_a_reader_that_is_no_async_generator_is_named(commands: CommandLine, name: str, reader: str) -> None:
    commands.write(
        "rule.py",
        "from bulkprof.plugins import hookimpl\n"
        "class Sheets:\n"
        "    def read(self, source):\n"
        "        return []\n"
        "class Later:\n"
        "    async def read(self, source):\n"
        "        return []\n"
        "@hookimpl\n"
        "def bulkprof_readers():\n"
        "    return {'.sheet': Sheets(), '.later': Later()}\n",
    )
    commands.config('\n[plugins.rule]\npath = "rule.py"\n')
    ended = commands("validate", commands.write(name, ""))
    assert ended.code == 1
    assert f"plugin 'rule': {reader}.read must be an async generator: `async def` with `yield` in it" in ended.err


@pytest.mark.parametrize("command", [["validate"], ["plan"], ["apply", "--yes"], ["sync", "--yes"]])
def test_columns_that_nobody_reads_are_told_once(commands: CommandLine, sandbox: Sandbox, command: list[str]) -> None:
    commands.connect(sandbox)
    manifest = commands.manifest("one,a,b", header="name,Notes,Owner mail")
    ended = commands(*command, manifest)
    assert ended.code == 0, ended.err
    assert ended.err.count("columns read by no rule: Notes, Owner mail\n") == 1


@pytest.mark.parametrize("header", ["name,Account (ID)", "name,\u0430ccount", "name,target account", "name,xccount"])
def test_an_account_that_is_called_otherwise_is_not_passed_over(
    commands: CommandLine, sandbox: Sandbox, header: str
) -> None:
    commands.connect(sandbox)
    ended = commands("apply", commands.manifest("one,222233334444", header=header), "--yes")
    assert ended.code == 65
    assert "did you mean account?" in ended.err
    assert not sandbox.ledger().calls
