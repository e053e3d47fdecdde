"""The catalog of a run and of what AWS has, as a user gets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bulkprof.sandbox import Fault, Hypotheses, Sandbox
from tests.cli.driver import CommandLine
from tests.e2e.others import NOVA_PRO, Others

ONE, TWO = "111111111111", "222222222222"
LITE, PRO = "us.amazon.nova-lite-v1:0", "us.amazon.nova-pro-v1:0"
WIDE = "name,model,account,region,tag:Team"


def catalog(commands: CommandLine, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    ended = commands("catalog", *arguments)
    assert ended.code == code, ended.err
    found: list[dict[str, Any]] = json.loads(ended.out)
    return found


@pytest.fixture
def estate(commands: CommandLine, sandbox: Sandbox) -> Sandbox:
    """Two teams in two accounts, from system profiles and a foundation model."""
    commands.manifest(
        f"search,{LITE},{ONE}|{TWO},us-east-1,search",
        f"ranking,amazon.nova-lite-v1:0,{ONE},us-east-1,ranking",
        f"ranking-eu,eu.amazon.nova-lite-v1:0,{ONE},eu-west-1,ranking",
        header=WIDE,
    )
    assert commands.apply("teams.csv") == {"created": 4}
    return sandbox


def test_a_run_and_aws_say_the_same(commands: CommandLine, estate: Sandbox) -> None:
    ended = commands("catalog")
    assert (ended.code, ended.err) == (0, "")
    recorded = json.loads(ended.out)
    assert [(each["name"], each["account"], each["region"], each["model_id"]) for each in recorded] == [
        ("ranking", ONE, "us-east-1", "amazon.nova-lite-v1:0"),
        ("ranking-eu", ONE, "eu-west-1", "amazon.nova-lite-v1:0"),
        ("search", ONE, "us-east-1", "amazon.nova-lite-v1:0"),
        ("search", TWO, "us-east-1", "amazon.nova-lite-v1:0"),
    ]
    assert {each["arn"] for each in recorded} == {profile.arn for profile in estate.ledger().live}
    where = ("--accounts", f"{ONE},{TWO}", "--regions", "us-east-1,eu-west-1")
    live = catalog(commands, "--live", *where)
    # A manifest's own word for the model is nothing that AWS knows.
    for entries in (recorded, live):
        for entry in entries:
            del entry["model"]
    assert live == recorded


@pytest.mark.parametrize("form", ["json", "csv", "env", "tfvars", "litellm"])
def test_stdout_holds_the_file_and_nothing_else(commands: CommandLine, estate: Sandbox, form: str) -> None:
    commands.config('\n[catalog]\nrole = "Invoke"\n')
    assert commands("catalog", "--format", form, "--out", "all.txt").out == ""
    assert commands("catalog", "--format", form).out == Path("all.txt").read_text(encoding="utf-8")


def test_live_has_the_estate_only_and_nothing_that_was_replaced(
    commands: CommandLine, sandbox: Sandbox, others: Others
) -> None:
    sandbox.set_hypotheses(Hypotheses(unique_names=False))
    commands.config("\n[replace]\ngrace_days = 7\n")
    others.create("free", {"Team": "x"})
    others.create("theirs", {"bulkprof:estate": "elsewhere"})
    commands.manifest(f"a,{LITE}", header="name,model")
    assert commands.apply("teams.csv") == {"created": 1}
    commands.manifest(f"a,{PRO}", header="name,model")
    assert commands.apply("teams.csv", "--replace") == {"replaced": 1}
    (result,) = commands.results()
    ended = commands("catalog", "--live")
    assert [(each["arn"], each["model_id"]) for each in json.loads(ended.out)] == [
        (result["arn"], "amazon.nova-pro-v1:0")
    ]
    assert (ended.code, "2 profiles of other estates, or of none, left out" in ended.err) == (0, True)
    (entry,) = catalog(commands)
    assert (entry["arn"], entry["old_arn"], entry["model_id"]) == (
        result["arn"],
        result["old_arn"],
        "amazon.nova-pro-v1:0",
    )


def test_a_place_without_profiles_is_told(commands: CommandLine, estate: Sandbox) -> None:
    ended = commands("catalog", "--live", "--regions", "eu-west-1")
    assert (ended.code, ended.out) == (0, "[]\n")
    assert "no profile of this estate was found there; --accounts and --regions, or [defaults]" in ended.err
    assert "was found there" not in commands("catalog", "--live", "--accounts", ONE, "--regions", "us-east-1").err


def test_a_target_that_can_not_be_read_is_told(commands: CommandLine, estate: Sandbox) -> None:
    estate.set_faults([Fault("access_denied", "ListInferenceProfiles", account=TWO)])
    where = ("--accounts", f"{ONE},{TWO}", "--regions", "us-east-1")
    ended = commands("catalog", "--live", *where, "--out", "all.json", "--json")
    assert ended.code == 3
    summary = ended.json()
    assert (summary["profiles"], list(summary["unreachable"]), summary["exit_code"]) == (2, [f"{TWO}/us-east-1"], 3)
    assert f"{TWO}/us-east-1 is left out" in ended.err
    estate.set_faults([Fault("access_denied", "ListInferenceProfiles")])
    ended = commands("catalog", "--live", *where)
    assert (ended.code, ended.out) == (1, "")


def test_a_filter_and_files_for_each_value(commands: CommandLine, estate: Sandbox) -> None:
    ended = commands("catalog", "--where", "account=" + ONE, "--format", "env", "--out", "env/{tag:Team}/x.env")
    assert (ended.code, ended.out) == (0, "")
    assert "2 files written: env/ranking/x.env, env/search/x.env" in ended.err
    assert Path("env/search/x.env").read_text().startswith("BEDROCK_PROFILE_SEARCH=arn:")
    assert Path("env/ranking/x.env").read_text().count("\n") == 2
    ended = commands("catalog", "--where", "tag:Team=nobody", "--out", "none.json")
    assert (ended.code, Path("none.json").exists()) == (64, False)
    assert "--where tag:Team=nobody: fits none of 4 profiles; nothing was written" in ended.err


def test_the_summary_names_all_files_and_all_that_is_left_out(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest(
        *(f"p{number:02},{LITE},{'' if number < 23 else number}" for number in range(30)), header="name,model,tag:Team"
    )
    commands.apply("teams.csv")
    ended = commands("catalog", "--out", "{tag:Team}.json", "--json")
    summary = ended.json()
    assert (ended.code, len(summary["files"]), len(summary["left_out"])) == (3, 7, 23)
    assert {name: summary[name] for name in ("command", "profiles", "without_arn", "foreign", "unreachable")} == {
        "command": "catalog",
        "profiles": 30,
        "without_arn": 0,
        "foreign": 0,
        "unreachable": {},
    }
    assert (
        "left out: 23 profiles (the first: 123456789012/us-east-1 p00): has no tag:Team to name a file of "
        "'{tag:Team}.json' by" in ended.err
    )
    assert ended.err.count("left out: ") == 1
    assert "7 files written: 23.json, 24.json, 25.json, 26.json, 27.json, …" in ended.err


def test_an_object_in_s3_for_each_value(commands: CommandLine, estate: Sandbox, others: Others) -> None:
    s3 = others.client("s3")
    s3.create_bucket(Bucket="example-catalog")
    ended = commands("catalog", "--out", "s3://example-catalog/x/{tag:Team}.json")
    assert ended.code == 0, ended.err
    answer = s3.get_object(Bucket="example-catalog", Key="x/ranking.json")
    assert answer["ContentType"] == "text/plain; charset=utf-8"
    assert [each["name"] for each in json.loads(answer["Body"].read())] == ["ranking", "ranking-eu"]
    ended = commands("catalog", "--out", "s3://no-such-bucket/x.json")
    assert (ended.code, "NoSuchBucket" in ended.err, "Traceback" in ended.err) == (1, True, False)


def test_which_run(commands: CommandLine, estate: Sandbox) -> None:
    first = commands("runs", "--json").json()["runs"][0]["run_id"]
    commands.manifest("later,amazon.nova-lite-v1:0", header="name,model")
    commands.apply("teams.csv")
    assert [each["name"] for each in catalog(commands)] == ["later"]
    assert len(catalog(commands, first)) == 4
    # Neither a plan, nor a run that lets go of profiles, nor another estate's says what callers may use.
    commands("plan", "teams.csv")
    assert commands("disown", "later", "--yes").code == 0
    commands.config("", base='estate = "another"\n')
    ended = commands("catalog")
    assert (ended.code, "no run of estate 'another' in " in ended.err) == (64, True)
    assert "; --live asks AWS, --state-dir looks elsewhere" in ended.err
    commands.config("")
    assert [each["name"] for each in catalog(commands)] == ["later"]


def test_a_run_in_the_sandbox_is_for_the_sandbox(commands: CommandLine) -> None:
    commands.manifest("a")
    commands.apply("teams.csv", "--sandbox")
    ended = commands("catalog")
    assert (ended.code, ended.out) == (64, "")
    assert "in the sandbox: --sandbox takes that one" in ended.err
    recorded = catalog(commands, "--sandbox")
    assert [each["arn"] for each in catalog(commands, "--sandbox", "--live")] == [recorded[0]["arn"]]


def test_a_real_run_is_none_of_the_sandbox(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest("a")
    commands.apply("teams.csv")
    ended = commands("catalog", "--sandbox")
    assert (ended.code, "no run of estate 'tests'" in ended.err, "without --sandbox, it is " in ended.err) == (
        64,
        True,
        True,
    )


def test_a_plan_has_no_arns_until_it_is_applied(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest(f"a,{LITE}", header="name,model")
    assert commands("plan", "teams.csv", "--out", "plan.db").code == 0
    ended = commands("catalog", "plan.db")
    assert ended.code == 64
    assert "plan.db is a plan that was not carried out: it has no ARNs; apply it first" in ended.err
    assert commands.apply("plan.db") == {"created": 1}
    assert [each["model_id"] for each in catalog(commands)] == ["amazon.nova-lite-v1:0"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--format", "xml"],
            "--format xml: there is no such format; the formats are json, csv, env, tfvars, litellm, ",
        ),
        (["--where", "team=x"], "--where 'team' is no field; the fields are name, arn, "),
        (["--out", "{team}.json"], "--out {team}.json: 'team' is no field"),
        (["--out", ""], "--out : names no file"),
        (["--out", "folder"], "--out folder: names no file"),
        (["--out", "folder/"], "--out folder/: names no file"),
        (["--out", "s3://bucket"], "--out s3://bucket: write it as s3://bucket/key"),
        (["--out", "s3://{tag:Team}/x"], "--out s3://{tag:Team}/x: write it as s3://bucket/key"),
        (["--live", "run-1"], "--live asks AWS, not run run-1: leave one of them out"),
        (["--accounts", ONE], "say where --live looks; a run has --where"),
        (["nothing"], "nothing"),
    ],
)
def test_wrong_wishes(commands: CommandLine, arguments: list[str], message: str) -> None:
    Path("folder").mkdir()
    ended = commands("catalog", *arguments)
    assert (ended.code, ended.out) == (64, "")
    assert message in ended.err.replace("\n", " ")


def test_stdout_can_not_hold_the_catalog_and_the_summary(commands: CommandLine) -> None:
    ended = commands("catalog", "--json")
    assert ended.code == 64
    assert "needs --out PATH: stdout holds the catalog or the summary" in ended.json()["error"]


def test_values_that_would_share_a_file(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest(f"a,{LITE},x/y", f"b,{LITE},x y", header="name,model,tag:Team")
    commands.apply("teams.csv")
    ended = commands("catalog", "--out", "out/{tag:Team}.json")
    assert (ended.code, Path("out").exists()) == (64, False)
    assert "--out out/{tag:Team}.json: 'x/y' and 'x y' would both be out/x-y.json" in ended.err


def test_a_file_that_can_not_be_written(commands: CommandLine, estate: Sandbox) -> None:
    Path("blocked").write_text("")
    ended = commands("catalog", "--out", "blocked/x.json")
    assert (ended.code, "blocked/x.json: can't be written" in ended.err) == (1, True)


def test_profiles_that_a_stopped_run_did_not_reach_stay(commands: CommandLine, estate: Sandbox) -> None:
    estate.set_faults([Fault("access_denied", "CreateInferenceProfile")])
    commands.manifest(f"new,{LITE},{ONE},us-east-1,new", f"search,{LITE},{TWO},us-east-1,found", header=WIDE)
    commands.config("\n[rollout]\ncanary = 1\n")
    summary = commands.summary("apply", "teams.csv", code=4)
    assert (summary["outcomes"]["failed"], summary["outcomes"]["skipped"]) == (1, 1)
    ended = commands("catalog")
    (skipped,) = json.loads(ended.out)
    assert (skipped["name"], skipped["account"], skipped["model_id"]) == ("search", TWO, "amazon.nova-lite-v1:0")
    assert (ended.code, "1 profile of the run left out, without an ARN: see bulkprof report" in ended.err) == (3, True)
    # A filter leaves that out, too.
    assert catalog(commands, "--where", "tag:Team=found") == [skipped]
    assert commands("resume", "--yes", "--failure-tolerance", "1").code == 3
    assert catalog(commands, code=3) == [skipped]


def test_what_was_to_be_replaced_and_is_not_tells_no_model(commands: CommandLine, estate: Sandbox) -> None:
    commands.manifest(f"ranking,{PRO},{ONE},us-east-1,ranking", header=WIDE)
    assert commands.apply("teams.csv", code=3) == {"failed": 1}
    (entry,) = catalog(commands)
    assert entry["arn"] in {profile.arn for profile in estate.ledger().live}
    assert (entry["source_arn"], entry["model_id"]) == ("", "")
    assert commands.results()[0]["source_arn"] == ""
    ended = commands("catalog", "--format", "litellm")
    assert (ended.code, ended.out) == (3, "model_list: []\n")
    assert "ranking: the model behind it isn't known; a new run finds it out, or --live" in ended.err


def test_a_profile_of_another_estate_is_not_ours_to_tell(
    commands: CommandLine, sandbox: Sandbox, others: Others
) -> None:
    others.create("a", {"bulkprof:estate": "elsewhere"}, source=NOVA_PRO)
    commands.manifest("a,amazon.nova-pro-v1:0", header="name,model")
    commands.apply("teams.csv", code=3)
    assert catalog(commands, code=3) == []


def test_disowned_rows_are_not_in_it(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest("a", "b")
    commands.apply("teams.csv")
    commands.manifest("a,yes", "b,", header="name,disown")
    assert commands.apply("teams.csv") == {"updated": 1, "unchanged": 1}
    assert [each["name"] for each in catalog(commands)] == ["b"]


def test_the_file_of_a_team_that_is_gone_says_so(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest(f"a,{LITE},x", f"b,{LITE},y", header="name,model,tag:Team")
    commands.apply("teams.csv")
    out = ("--format", "litellm", "--out", "{tag:Team}.yaml")
    assert commands("catalog", *out).code == 0
    commands.manifest(f"a,{LITE},x", header="name,model,tag:Team")
    commands.config("\n[prune]\npercent = 100\naccount_percent = 100\n")
    assert commands.summary("sync", "teams.csv", "--prune")["outcomes"]["deleted"] == 1
    assert commands("catalog", *out).code == 0
    assert Path("y.yaml").read_text() == "model_list: []\n"
    assert "arn:" in Path("x.yaml").read_text()
