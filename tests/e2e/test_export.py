"""What exists as a manifest, and back: a plan of it changes nothing but whose the profiles are."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

import bulkprof
from bulkprof.sandbox import Hypotheses, Sandbox
from tests.cli.driver import CONFIG, CommandLine, read_csv
from tests.e2e.others import NOVA_PRO, OURS, Others

ALIASES = """
[models]
small = "us.amazon.nova-lite-v1:0"
european = "eu.amazon.nova-lite-v1:0"
"amazon.nova-pro-v1:0" = "us.amazon.nova-pro-v1:0"
"""
PREMIER = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-premier-v1:0"
SMALL = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"


def actions(commands: CommandLine, *manifests: str) -> dict[str, int]:
    """What a plan of `manifests` would do, as far as there is any of it."""
    plan = commands("plan", *manifests, "--json").json()
    assert (plan["refused"], plan["invalid"]) == (0, 0), plan
    return {kind: count for kind, count in plan["actions"].items() if count}


@pytest.mark.parametrize("file", ["all.csv", "all.jsonl"])
def test_an_estate_comes_back_unchanged(commands: CommandLine, sandbox: Sandbox, file: str) -> None:
    commands.config(ALIASES)
    accounts = "111111111111|222222222222"
    commands.manifest(
        f'team-a,small,Ranks results,{accounts},us-east-1|us-west-2,"1 / a"',
        f"team-b,us.amazon.nova-premier-v1:0,,{accounts},us-east-1,",
        f"team-c,global.anthropic.claude-sonnet-4-20250514-v1:0,,{accounts},us-west-2,x@y=z",
        header="name,model,description,account,region,tag:Team",
    )
    assert commands.apply("teams.csv") == {"created": 8}
    where = ["--accounts", "222222222222,111111111111", "--regions", "us-west-2,us-east-1"]
    ended = commands("export", *where, "--out", file)
    assert ended.code == 0, ended.err
    assert ended.out == ""
    assert "8 profiles of 4 targets exported" in ended.err
    assert actions(commands, file) == {"none": 8}
    if file == "all.csv":
        rows = read_csv(commands.folder / file)
        assert [(row["account"], row["region"], row["name"]) for row in rows] == sorted(
            (row["account"], row["region"], row["name"]) for row in rows
        )
        assert rows[0] == {
            "name": "team-a",
            "model": "small",
            "description": "Ranks results",
            "account": "111111111111",
            "region": "us-east-1",
            "tag:Team": "1 / a",
        }
    assert sandbox.ledger().count("CreateInferenceProfile") == 8


def test_what_nobody_owns_is_adopted(commands: CommandLine, others: Others) -> None:
    commands.config(ALIASES)
    # Its id is an alias of something else, so only its ARN means it.
    theirs = others.create("by-hand", {"Team": "a", "map-migrated": "mig1"}, source=NOVA_PRO, description="Old one")
    bare = others.create("bare", source=PREMIER)
    others.create("ours", OURS, source=SMALL)
    others.create("of-others", {"bulkprof:estate": "elsewhere"})
    ended = commands("export")
    assert ended.code == 0
    assert "123456789012/us-east-1: 1 of estate 'elsewhere' left out" in ended.err
    commands.write("found.csv", ended.out)
    models = {row["name"]: row["model"] for row in read_csv(commands.folder / "found.csv")}
    assert models == {"by-hand": NOVA_PRO, "bare": "us.amazon.nova-premier-v1:0", "ours": "small"}
    assert actions(commands, "found.csv") == {"adopt": 2, "none": 1}
    assert commands.apply("found.csv") == {"adopted": 2, "unchanged": 1}
    assert others.tags(theirs) == {"Team": "a", "map-migrated": "mig1", **OURS, "bulkprof:keys": "Team map-migrated"}
    assert others.tags(bare) == OURS
    assert actions(commands, "found.csv") == {"none": 3}


def test_the_estate_alone(commands: CommandLine, others: Others) -> None:
    others.create("by-hand")
    commands.apply(commands.manifest("team-a"))
    ended = commands("export", "--estate-only")
    assert ended.code == 0
    assert ended.out.splitlines()[1:] == ["team-a,amazon.nova-lite-v1:0,,123456789012,us-east-1"]


def test_one_name_twice_is_told_with_both_arns(commands: CommandLine, sandbox: Sandbox, others: Others) -> None:
    sandbox.set_hypotheses(Hypotheses(unique_names=False))
    arns = sorted([others.create("twin"), others.create("twin")])
    others.create("single")
    summary = commands("export", "--out", "found.csv", "--json")
    assert summary.code == 3
    found = summary.json()
    assert (found["profiles"], found["left_out"], found["exit_code"]) == (1, 2, 3)
    (problem,) = found["problems"]
    assert (problem["column"], problem["value"], problem["severity"]) == ("name", "twin", "error")
    assert " and ".join(arns) in problem["message"]
    assert "Don't use this export with --prune" in summary.err
    assert actions(commands, "found.csv") == {"adopt": 1}


def test_what_a_manifest_cant_say_is_left_out_and_told(commands: CommandLine, others: Others) -> None:
    padded = others.create("team ", description="x ")
    others.create("team-b", {"Empty": "", "Padded": " x", "Lines": "a\nb", "Good": "y"}, description="Fine ")
    full = others.create("full", {f"k{number}": "v" for number in range(50)})
    ended = commands("export", "--out", "found.csv")
    assert ended.code == 3
    assert f"{padded}: name 'team '" in ended.err
    assert f"{full}: tags: has 50 tags, which leaves no room for bulkprof:estate" in ended.err
    for key in ("Empty", "Padded", "Lines"):
        assert f"warning: 123456789012/us-east-1: tag:{key}: left out of " in ended.err
    (row,) = read_csv(commands.folder / "found.csv")
    assert row == {
        "name": "team-b",
        "model": "amazon.nova-lite-v1:0",
        "description": "",
        "account": "123456789012",
        "region": "us-east-1",
        "tag:Good": "y",
    }
    assert actions(commands, "found.csv") == {"adopt": 1}


def test_a_target_that_cant_be_read_is_left_out(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.apply(commands.manifest("team-a,111111111111", header="name,account"))
    sandbox.set_denied(accounts=["222222222222"])
    ended = commands("export", "--accounts", "111111111111,222222222222", "--out", "found.csv", "--json")
    assert (ended.code, ended.json()["profiles"]) == (3, 1)
    assert list(ended.json()["unreachable"]) == ["222222222222/us-east-1"]
    assert "warning: 222222222222/us-east-1 is left out: " in ended.err
    ended = commands("export", "--accounts", "222222222222", "--out", "none.csv")
    assert ended.code == 1
    assert "can't assume" in ended.err
    assert not (commands.folder / "none.csv").exists()


def test_without_the_catalogue_only_single_models_are_told(
    commands: CommandLine, sandbox: Sandbox, others: Others
) -> None:
    others.create("bare", OURS)
    hidden = others.create("routed", OURS, source=SMALL)
    sandbox.set_denied(actions=["bedrock:ListFoundationModels"])
    ended = commands("export", "--out", "found.csv")
    assert ended.code == 3
    assert f"{hidden}: model" in ended.err
    assert "allow bedrock:ListFoundationModels" in ended.err
    assert actions(commands, "found.csv") == {"none": 1}


def test_nobody_reads_to_the_end(commands: CommandLine, others: Others) -> None:
    for number in range(8):
        others.create(f"team-{number}", {f"key-{number}-{tag}": "v" * 250 for tag in range(45)})
    with commands.started("export") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(1)
        process.stdout.close()
        told = process.stderr.read()
    assert process.returncode == 0
    assert told == "8 profiles of 1 target exported\n"


def test_accounts_by_selector(commands: CommandLine, sandbox: Sandbox) -> None:
    members = [{"id": f"{number}" * 12, "name": f"member-{number}"} for number in (1, 2)]
    sandbox.make_organization([*members, {"id": "333333333333", "name": "old", "status": "SUSPENDED"}])
    commands.apply(commands.manifest("team-a,111111111111|222222222222", header="name,account"))
    ended = commands("export", "--accounts", "org:*", "--not-accounts", "222222222222,123456789012")
    assert ended.code == 0
    assert "333333333333 is left out: SUSPENDED" in ended.err
    assert ended.out.splitlines()[1:] == ["team-a,amazon.nova-lite-v1:0,,111111111111,us-east-1"]
    ended = commands("export", "--accounts", "111111111111", "--not-accounts", "111111111111")
    assert ended.code == 64
    assert "leaves no account to export" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "found.txt"], "must end in .csv or .jsonl"),
        (["--accounts", "1234"], "has 4 digits"),
        (["--accounts", "nobody"], "is neither an account id, nor a selector, nor an alias"),
        (["--regions", "us-east-1a"], "availability zone"),
        (["--accounts", ""], "one of its values is empty"),
        (["--json"], "needs --out FILE"),
    ],
)
def test_wrong_usage(commands: CommandLine, arguments: list[str], said: str) -> None:
    ended = commands("export", *arguments)
    assert ended.code == 64
    assert said in ended.err


async def test_as_a_function(commands: CommandLine, others: Others) -> None:
    others.create("team-a")
    commands.config("")
    stream = io.StringIO()
    options = bulkprof.Options(config=bulkprof.load_config(commands.folder / "bulkprof.toml"), regions=["us-east-1"])
    found: Any = await bulkprof.export(stream, options)
    assert (found.profiles, found.targets, int(found.exit_code)) == (1, 1, 0)
    assert stream.getvalue().splitlines()[1] == "team-a,amazon.nova-lite-v1:0,,123456789012,us-east-1"


def test_json_lines_hold_their_own_tags_only(commands: CommandLine, others: Others) -> None:
    others.create("team-a", {"A": "1"})
    others.create("team-b", {"B": "2"})
    assert commands("export", "--out", "found.jsonl").code == 0
    lines = [json.loads(line) for line in (commands.folder / "found.jsonl").read_text().splitlines()]
    assert [sorted(key for key in line if key.startswith("tag:")) for line in lines] == [["tag:A"], ["tag:B"]]


SAMPLES = Path(__file__).parents[2] / "samples"


def test_the_shipped_samples_come_back_unchanged(commands: CommandLine, sandbox: Sandbox) -> None:
    """Rules read columns that an export doesn't have; what they made of them, it has."""
    for name in ("bulkprof.toml", "cost-centers.csv", "kubernetes-subprojects.csv"):
        commands.write(name, (SAMPLES / name).read_text(encoding="utf-8"))
    with (commands.folder / "bulkprof.toml").open("a", encoding="utf-8") as config:
        config.write("\n[run]\nsettle_s = 0\n")  # lists of this sandbox show everything at once
    made = commands.apply("kubernetes-subprojects.csv")
    ended = commands("export", "--out", "found.csv")
    assert (ended.code, "don't pass the rules" in ended.err) == (0, False)
    assert actions(commands, "found.csv") == {"none": made["created"]}


def test_rules_that_refuse_what_is_exported_are_told(commands: CommandLine, others: Others) -> None:
    commands.config(
        '\n[plugins.naming]\ntemplate = "{team}-{model}"\nenforce = true\n[plugins.tags]\nrequired = ["CostCenter"]\n'
    )
    others.create("by-hand")
    others.create("another", {"CostCenter": "a"})
    ended = commands("export", "--out", "found.csv")
    assert ended.code == 0
    told = ended.err.splitlines()
    assert told[0].startswith("warning: 2 of 2 rows don't pass the rules of this config, so a plan refuses them: ")
    place = "123456789012/us-east-1"
    assert told[1:3] == [
        f"  {place} another: plugin 'naming': the naming template needs a value in the column 'team' (and 1 more)",
        f"  {place} by-hand: tag:CostCenter: the tag 'CostCenter' is required; give it in the row, or by a tag rule",
    ]
    assert commands("plan", "found.csv").code == 65


def test_a_rule_that_breaks_is_no_reason_not_to_export(commands: CommandLine, others: Others) -> None:
    commands.write(
        "rule.py", "from bulkprof.plugins import hookimpl\n@hookimpl\ndef bulkprof_check_profile(profile): 1 / 0\n"
    )
    commands.config('\n[plugins.rule]\npath = "rule.py"\n')
    others.create("by-hand")
    ended = commands("export", "--out", "found.csv")
    assert ended.code == 0
    assert (
        "whether the rows pass the rules isn't known: plugin 'rule': bulkprof_check_profile: ZeroDivisionError"
        in ended.err
    )
    assert len(read_csv(commands.folder / "found.csv")) == 1


def test_only_what_was_changed_is_waited_for(commands: CommandLine, others: Others) -> None:
    commands.config("", base=CONFIG.replace("settle_s = 0", "settle_s = 2"))
    others.create("team-a", OURS)
    assert commands.apply(commands.manifest("team-a")) == {"unchanged": 1}
    assert "until AWS's lists" not in commands("export", "--out", "all.csv").err
    assert commands.apply(commands.manifest("team-b")) == {"created": 1}
    assert "until AWS's lists show what the last run did" in commands("export", "--out", "all.csv").err


def test_what_to_do_next_keeps_the_flags(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.apply(commands.manifest("team-a"))
    commands.write("other.toml", CONFIG)
    ended = commands("export", "--out", "all.csv", "--config", "other.toml", "--state-dir", "the state")
    assert ended.err.splitlines()[-1] == ("next: bulkprof plan all.csv --config other.toml --state-dir 'the state'")
