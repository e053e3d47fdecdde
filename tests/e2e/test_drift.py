"""What differs between manifests and AWS, and what is done about it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bulkprof.planning.retirement import Retirement
from bulkprof.sandbox import Fault, Hypotheses, Sandbox
from tests.cli.driver import CommandLine, until
from tests.e2e.others import NOVA_PRO, OURS, Others

ROW = "team-a,Team A"
LAG_S = 1.5
"""Seconds that the index of tags lags: more than two small runs take, on a machine that is busy with others, too."""
TEAM = {"bulkprof:keys": "Team"}


def by_name(sandbox: Sandbox) -> dict[str, str]:
    return {profile.name: profile.arn for profile in sandbox.ledger().live}


def test_tags_are_repaired_and_foreign_ones_kept(commands: CommandLine, sandbox: Sandbox, others: Others) -> None:
    commands.manifest(ROW, header="name,tag:Team")
    assert commands.apply("teams.csv") == {"created": 1}
    arn = by_name(sandbox)["team-a"]
    others.tag(arn, Team="B", Foreign="kept")
    assert commands.apply("teams.csv") == {"updated": 1}
    assert others.tags(arn) == {"Team": "Team A", "Foreign": "kept", **OURS, **TEAM}
    others.untag(arn, "Team")
    assert commands.apply("teams.csv") == {"updated": 1}
    assert others.tags(arn) == {"Team": "Team A", "Foreign": "kept", **OURS, **TEAM}
    assert commands.apply("teams.csv") == {"unchanged": 1}


def test_keys_that_are_no_longer_declared_are_removed(
    commands: CommandLine, sandbox: Sandbox, others: Others, tmp_path: Path
) -> None:
    commands.manifest("team-a,Team A,X1", header="name,tag:Team,tag:Project")
    assert commands.apply("teams.csv") == {"created": 1}
    arn = by_name(sandbox)["team-a"]
    assert others.tags(arn) == {"Team": "Team A", "Project": "X1", "bulkprof:keys": "Project Team", **OURS}
    others.tag(arn, Foreign="kept")
    commands.manifest(ROW, header="name,tag:Team")
    # Another machine, which never saw a run, knows as much.
    elsewhere = ("--state-dir", str(tmp_path / "elsewhere"))
    plan = commands("plan", "teams.csv", "--json", *elsewhere).json()
    assert [(change["action"], change["remove_tags"]) for change in plan["changes"]] == [("update", ["Project"])]
    # The answer to the second of the two calls is a refusal, as if the run were cut off between them.
    sandbox.set_faults([Fault("access_denied", "TagResource")])
    assert commands.apply("teams.csv", *elsewhere, code=3) == {"failed": 1}
    assert others.tags(arn) == {"Team": "Team A", "Foreign": "kept", "bulkprof:keys": "Project Team", **OURS}
    sandbox.set_faults([])
    assert commands.apply("teams.csv") == {"updated": 1}
    assert others.tags(arn) == {"Team": "Team A", "Foreign": "kept", **TEAM, **OURS}
    others.tag(arn, Project="theirs")
    assert commands.apply("teams.csv") == {"unchanged": 1}
    assert others.tags(arn)["Project"] == "theirs"
    commands.manifest("team-a")
    assert commands.apply("teams.csv") == {"updated": 1}
    assert others.tags(arn) == {"Foreign": "kept", "Project": "theirs", **OURS}
    assert commands.apply("teams.csv") == {"unchanged": 1}


def test_a_profile_of_before_is_listed_when_it_changes(commands: CommandLine, sandbox: Sandbox, others: Others) -> None:
    arn = others.create("team-a", {"Team": "Team A", **OURS})
    commands.manifest(ROW, header="name,tag:Team")
    assert commands.apply("teams.csv") == {"unchanged": 1}
    assert others.tags(arn) == {"Team": "Team A", **OURS}
    others.tag(arn, Team="B")
    assert commands.apply("teams.csv") == {"updated": 1}
    assert others.tags(arn) == {"Team": "Team A", **OURS, **TEAM}


def test_lists_of_managed_keys_can_be_switched_off(commands: CommandLine, sandbox: Sandbox, others: Others) -> None:
    commands.config("", base='keys_tag = ""\n' + (commands.folder / "bulkprof.toml").read_text())
    commands.manifest(ROW, header="name,tag:Team")
    assert commands.apply("teams.csv") == {"created": 1}
    arn = by_name(sandbox)["team-a"]
    assert others.tags(arn) == {"Team": "Team A", **OURS}
    assert commands.apply(commands.manifest("team-a")) == {"unchanged": 1}
    assert others.tags(arn) == {"Team": "Team A", **OURS}


def test_exact_tags_remove_what_nobody_declared(commands: CommandLine, sandbox: Sandbox, others: Others) -> None:
    commands.config("", base='tags = "exact"\n' + (commands.folder / "bulkprof.toml").read_text())
    commands.manifest(ROW, header="name,tag:Team")
    assert commands.apply("teams.csv") == {"created": 1}
    arn = by_name(sandbox)["team-a"]
    others.tag(arn, Foreign="x")
    plan = commands("plan", "teams.csv", "--json").json()
    assert [(change["action"], change["remove_tags"]) for change in plan["changes"]] == [("update", ["Foreign"])]
    assert commands.apply("teams.csv") == {"updated": 1}
    assert others.tags(arn) == {"Team": "Team A", **OURS, **TEAM}


def test_a_foreign_profile_of_the_same_model_is_adopted(
    commands: CommandLine, sandbox: Sandbox, others: Others
) -> None:
    tagged, bare = others.create("team-a", {"Foreign": "kept"}), others.create("team-b")
    commands.manifest(ROW, "team-b,Team B", header="name,tag:Team")
    assert commands.apply("teams.csv") == {"adopted": 2}
    assert {line["name"]: line["arn"] for line in commands.results()} == {"team-a": tagged, "team-b": bare}
    assert others.tags(tagged) == {"Foreign": "kept", "Team": "Team A", **OURS, **TEAM}
    assert others.tags(bare) == {"Team": "Team B", **OURS, **TEAM}
    assert commands.apply("teams.csv") == {"unchanged": 2}
    assert len(sandbox.ledger().profiles) == 2


@pytest.mark.parametrize("flags", [(), ("--replace",)])
def test_a_foreign_profile_that_differs_is_left_alone(
    commands: CommandLine, sandbox: Sandbox, others: Others, flags: tuple[str, ...]
) -> None:
    arn = others.create("team-a", source=NOVA_PRO)
    elsewhere = others.create("team-b", {"bulkprof:estate": "another"})
    assert commands.apply(commands.manifest("team-a", "team-b"), *flags, code=3) == {"failed": 2}
    reasons = {line["name"]: (line["error_code"], line["error_message"]) for line in commands.results()}
    assert reasons["team-a"][0] == "NotOurs"
    assert "amazon.nova-pro-v1:0 -> amazon.nova-lite-v1:0" in reasons["team-a"][1]
    assert reasons["team-b"][0] == "OtherEstate"
    assert "another" in reasons["team-b"][1]
    assert by_name(sandbox) == {"team-a": arn, "team-b": elsewhere}
    assert others.tags(arn) == {}
    assert others.tags(elsewhere) == {"bulkprof:estate": "another"}


@pytest.mark.parametrize(
    ("row", "drift", "unique_names"),
    [
        ("team-a,amazon.nova-pro-v1:0,Ranks", "model amazon.nova-lite-v1:0 -> amazon.nova-pro-v1:0", True),
        ("team-a,amazon.nova-lite-v1:0,Sorts", "description 'Ranks' -> 'Sorts'", False),
    ],
)
def test_model_and_description_are_replaced_when_asked(
    commands: CommandLine, sandbox: Sandbox, others: Others, row: str, drift: str, unique_names: bool
) -> None:
    sandbox.set_hypotheses(Hypotheses(unique_names=unique_names))
    commands.manifest("team-a,amazon.nova-lite-v1:0,Ranks", header="name,model,description")
    assert commands.apply("teams.csv") == {"created": 1}
    old = by_name(sandbox)["team-a"]
    commands.manifest(row, header="name,model,description")
    assert commands.apply("teams.csv", code=3) == {"failed": 1}
    (refused,) = commands.results()
    assert (refused["error_code"], refused["arn"]) == ("ReplacementNeeded", old)
    assert drift in refused["error_message"]
    assert "--replace" in refused["error_message"]
    assert by_name(sandbox) == {"team-a": old}
    assert commands.apply("teams.csv", "--replace") == {"replaced": 1}
    (replaced,) = commands.results()
    assert by_name(sandbox) == {"team-a": replaced["arn"]}
    assert replaced["arn"] != old
    assert others.tags(replaced["arn"]) == OURS
    assert others.get(replaced["arn"])["description"] == row.rpartition(",")[2]
    assert commands.apply("teams.csv", "--replace") == {"unchanged": 1}


def test_a_replaced_profile_has_its_time_of_grace(
    commands: CommandLine, sandbox: Sandbox, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.set_hypotheses(Hypotheses(unique_names=False))
    commands.config("\n[replace]\ngrace_days = 7\n")
    commands.manifest("team-a,amazon.nova-lite-v1:0", header="name,model")
    assert commands.apply("teams.csv") == {"created": 1}
    old = by_name(sandbox)["team-a"]
    commands.manifest("team-a,amazon.nova-pro-v1:0", header="name,model")
    assert commands.apply("teams.csv", "--replace") == {"replaced": 1}
    (line,) = commands.results()
    assert {profile.arn for profile in sandbox.ledger().live} == {old, line["arn"]}
    until = others.tags(old)["bulkprof:delete-after"]
    # Nights come and go, and so does the wish to keep what is replaced.
    commands.config("")
    for flags in ((), ("--prune",), ("--prune", "--replace")):
        summary = commands.summary("sync", "teams.csv", *flags)
        assert (summary["outcomes"]["unchanged"], summary["outcomes"]["deleted"]) == (1, 0)
    # What is exported is the successor, without the tags that only bulkprof sets.
    assert commands("export", "--out", "found.csv").code == 0
    assert commands.apply("found.csv") == {"unchanged": 1}
    monkeypatch.setattr(Retirement, "starting", lambda _now, tag, _grace: Retirement(tag, until))
    assert commands.apply("teams.csv") == {"unchanged": 1}
    # What is deleted in the end was agreed to when it was replaced, so no cap on pruning holds it.
    commands.config("\n[prune]\npercent = 0\ncount = 0\naccount_percent = 0\naccount_count = 0\n")
    summary = commands.summary("sync", "teams.csv", "--prune")
    assert (summary["outcomes"]["unchanged"], summary["outcomes"]["deleted"]) == (1, 1)
    assert by_name(sandbox) == {"team-a": line["arn"]}


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_change_of_mind_while_the_index_of_tags_lags_deletes_nothing(
    commands: CommandLine, sandbox: Sandbox, others: Others, tmp_path: Path, elsewhere: bool
) -> None:
    """The index doesn't show yet which of the two was replaced, and the wanted model is that of the old one again."""
    sandbox.set_hypotheses(Hypotheses(unique_names=False))
    commands.config("\n[replace]\ngrace_days = 7\n")
    lite, pro = "team-a,amazon.nova-lite-v1:0", "team-a,amazon.nova-pro-v1:0"
    commands.manifest(lite, header="name,model")
    assert commands.apply("teams.csv") == {"created": 1}
    old = by_name(sandbox)["team-a"]
    until(lambda: sandbox.ledger().live[0].created_at + LAG_S < time.time())
    sandbox.set_hypotheses(Hypotheses(unique_names=False, tag_lag_s=LAG_S))
    commands.manifest(pro, header="name,model")
    assert commands.apply("teams.csv", "--replace") == {"replaced": 1}
    new = commands.results()[0]["arn"]
    commands.manifest(lite, header="name,model")
    flags = ("--state-dir", str(tmp_path / "elsewhere")) if elsewhere else ()
    assert commands.apply("teams.csv", "--replace", *flags) == {"replaced": 1}
    newest = commands.results()[0]["arn"]
    assert {profile.arn for profile in sandbox.ledger().live} == {old, new, newest}
    assert "bulkprof:delete-after" in others.tags(new)


def test_where_names_are_unique_nothing_is_kept_and_the_row_says_so(
    commands: CommandLine, sandbox: Sandbox, others: Others
) -> None:
    commands.config("\n[replace]\ngrace_days = 0.5\n")
    commands.manifest("team-a,amazon.nova-lite-v1:0", header="name,model")
    assert commands.apply("teams.csv") == {"created": 1}
    before = {arn: others.tags(arn) for arn in by_name(sandbox).values()}
    commands.manifest("team-a,amazon.nova-pro-v1:0", header="name,model")
    assert commands.apply("teams.csv", "--replace", code=3) == {"failed": 1}
    (line,) = commands.results()
    assert "grace_days = 0" in line["error_message"]
    assert {arn: others.tags(arn) for arn in by_name(sandbox).values()} == before


def test_a_description_that_is_not_given_is_left_alone(commands: CommandLine, sandbox: Sandbox, others: Others) -> None:
    others.create("team-a", OURS, description="Somebody wrote this")
    assert commands.apply(commands.manifest("team-a")) == {"unchanged": 1}


def test_pruning_deletes_owned_profiles_only(commands: CommandLine, sandbox: Sandbox, others: Others) -> None:
    others.create("foreign")
    others.create("elsewhere", {"bulkprof:estate": "another"})
    assert commands.apply(commands.manifest("team-a", "team-b")) == {"created": 2}
    commands.manifest("team-a")
    assert commands.apply("teams.csv") == {"unchanged": 1}
    summary = commands.summary("sync", "teams.csv", "--prune")
    assert (summary["desired"], summary["outcomes"]["deleted"]) == (1, 1)
    assert sorted(by_name(sandbox)) == ["elsewhere", "foreign", "team-a"]
    (deleted,) = [line for line in commands.results() if line["outcome"] == "deleted"]
    assert (deleted["name"], deleted["file"], deleted["line"]) == ("team-b", "", 0)
