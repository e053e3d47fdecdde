"""What `plan` shows before anything is changed: old values, old names, and what a cap stops."""

from __future__ import annotations

from pathlib import Path

from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine

HEADER = "name,model,description,tag:Team,tag:City"
NOVA, PRO = "amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"


def test_old_and_new_values_of_every_change(commands: CommandLine, sandbox: Sandbox) -> None:
    made = (f"search-app,{NOVA},old,a,Bern", f"ranking,{NOVA},,a,Bern", f"team-a-app,{NOVA},,a,Bern")
    assert commands.apply(commands.manifest(*made, header=HEADER)) == {"created": 3}
    rows = (f"search-app,{PRO},new,a,Rome", f"ranking,{NOVA},,b,Bern", f"team-b-app,{NOVA},,b,Bern")
    commands.manifest(*rows, header=HEADER)
    plan = commands("plan", "teams.csv", "--replace")
    assert plan.code == 0
    for line in (
        "      ~ model amazon.nova-lite-v1:0 -> amazon.nova-pro-v1:0\n",
        "      ~ description 'old' -> 'new'\n",
        "      ~ tag:City 'Bern' -> 'Rome'\n",
        "      ~ tag:Team 'a' -> 'b'\n",
    ):
        assert line in plan.out
    left = next(profile for profile in sandbox.ledger().live if profile.name == "team-a-app")
    assert (
        f"      looks like the new name of team-a-app ({left.arn}), which stays: --prune would delete it\n" in plan.out
    )
    assert (
        "\n1 profile of this estate that no manifest wants; --prune would delete: 123456789012/us-east-1 team-a-app\n"
        in plan.out
    )
    found = commands("plan", "teams.csv", "--replace", "--json").json()
    assert found["unwanted"] == 1
    replaced, updated, created = found["changes"]
    old = {"model": NOVA, "description": "old", "tag:City": "Bern", "tag:Team": "a"}
    assert old.items() <= replaced["old"].items()
    assert (replaced["description"], updated["old"], created["old"]) == (
        "new",
        {"tag:Team": "a"},
        {"name": "team-a-app", "arn": left.arn},
    )
    # A plan that is kept shows the same.
    assert commands("plan", "teams.csv", "--replace", "--out", "plan.db").out == plan.out
    assert commands("report", "plan.db").out == plan.out


def test_all_of_a_profile_s_row_is_renamed(commands: CommandLine, sandbox: Sandbox) -> None:
    """Nothing that is wanted is there yet, so that tags would be asked for nothing else."""
    assert commands.apply(commands.manifest("team-a-app")) == {"created": 1}
    commands.manifest("team-b-app")
    assert "looks like the new name of team-a-app" in commands("plan", "teams.csv").out
    pruned = commands("plan", "teams.csv", "--prune")
    assert "looks like the new name of team-a-app" in pruned.out
    assert ", which this plan deletes\n" in pruned.out
    assert "that no manifest wants; --prune" not in pruned.out


def test_what_a_cap_stops_is_shown(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config("[prune]\ncount = 1\n")
    assert commands.apply(commands.manifest(*(f"team-{number}" for number in range(4)))) == {"created": 4}
    commands.manifest("team-0")
    for arguments in (("plan",), ("sync", "--yes")):
        stopped = commands(*arguments, "teams.csv", "--prune")
        assert stopped.code == 4
        assert [line for line in stopped.out.splitlines() if "team-" in line] == [
            f"  - team-{number}  no manifest wants it" for number in (1, 2, 3)
        ]
        assert "the plan deletes 3 of 4 profiles" in stopped.err
    told = commands("plan", "teams.csv", "--prune", "--json").json()
    assert (told["exit_code"], [change["name"] for change in told["changes"]]) == (4, ["team-1", "team-2", "team-3"])
    assert "the plan deletes 3 of 4 profiles" in told["error"]
    page = commands("plan", "teams.csv", "--prune", "--markdown")
    assert page.code == 4
    assert "**This plan is refused:** estate 'tests': the plan deletes 3 of 4 profiles" in page.out
    assert "| 123456789012/us-east-1 | team-3 | delete | no manifest wants it |\n" in page.out
    assert len(sandbox.ledger().live) == 4


def test_a_run_without_changes_says_what_no_manifest_wants(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.apply(commands.manifest("team-a", "team-b"))
    commands.manifest("team-a")
    said = "profiles of this estate that no manifest wants: 1; they stay, `bulkprof sync --prune` would delete them"
    ended = commands("sync", "teams.csv", "--yes")
    assert (ended.code, said in ended.err) == (0, True)
    assert "Nothing to do: all that the manifests want is there." in ended.out
    assert commands("sync", "teams.csv", "--yes", "--prune").code == 0
    assert said not in commands("sync", "teams.csv", "--yes").err


def test_markdown_is_all_that_is_printed(commands: CommandLine, sandbox: Sandbox) -> None:
    manifest = commands.manifest(*(f"team-{number:03}" for number in range(101)))
    page = commands("plan", manifest, "--markdown", "--out", "plan.db")
    assert (page.code, page.out.count("| team-")) == (0, 100)
    assert page.out.startswith("## bulkprof plan: 101 changes in 1 target\n")
    told = "**Planned, and not applied: nothing was changed.**\n"
    assert commands("report", "plan.db", "--markdown").out == page.out + told
    assert commands("plan", manifest, "--markdown", "--all").out.count("| team-") == 101
    assert commands("plan", manifest).out.count("  + team-") == 20
    assert commands("plan", manifest, "--all").out.count("  + team-") == 101
    both = commands("plan", manifest, "--markdown", "--json")
    assert both.code == 64
    assert "can't go with --json" in both.json()["error"]


def test_the_sandbox_is_named_wherever_a_run_is_shown(commands: CommandLine, tmp_path: Path) -> None:
    commands.manifest("team-a")
    plan = commands("plan", "teams.csv", "--sandbox", "--out", "plan.db")
    assert "Plan in the sandbox: + 1 to create, in 1 target." in plan.out
    assert "## bulkprof plan in the sandbox: " in commands("report", "plan.db", "--markdown").out
    assert commands("report", "plan.db", "--json").json()["sandbox"] is True
    assert commands("plan", "teams.csv", "--sandbox", "--json").json()["sandbox"] is True
    made = commands("apply", "teams.csv", "--sandbox", "--yes")
    assert ": in the sandbox, " in made.out.splitlines()[-1]
    again = commands("apply", "teams.csv", "--sandbox", "--yes", "--json").json()
    assert again["sandbox"] is True
    run_id = again["run_id"]
    assert f"Run {run_id}: in the sandbox, " in commands("report", run_id).out
    assert commands("report", run_id, "--json").json()["sandbox"] is True
    page = commands("report", run_id, "--markdown").out
    assert "## bulkprof apply in the sandbox: nothing to do\n" in page
    assert "apply (sandbox)" in commands("runs").out
    assert [run["sandbox"] for run in commands("runs", "--json").json()["runs"]] == [True, True]


def test_where_a_row_is_left_out_nothing_looks_unwanted(commands: CommandLine, sandbox: Sandbox) -> None:
    """It may be the row that wants the profile."""
    assert commands.apply(commands.manifest("team-a", "team-b")) == {"created": 2}
    commands.manifest("team-a,", "team-b,no such model", header="name,model")
    plan = commands("plan", "teams.csv", "--skip-invalid", "--json").json()
    assert (plan["invalid"], plan["unwanted"]) == (1, 0)
