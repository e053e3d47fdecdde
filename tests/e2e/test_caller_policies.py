"""`iam-policy --invoke` and `--scp`: from runs and from AWS to the policies that are attached."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bulkprof.aws.policies.invoke import LIMIT
from bulkprof.sandbox import Sandbox
from bulkprof.store.run import RunFile
from tests.aws.deciding import call, is_allowed
from tests.cli.driver import CommandLine

HAIKU = "us.anthropic.claude-3-haiku-20240307-v1:0"
HEADER = "name,model,region,tag:Team"
TEAMS = (
    "search,,us-east-1,search",
    f"search-haiku,{HAIKU},us-east-1,search",
    "ads,,eu-central-1,ads",
    "nobody,,us-east-1,",
)


def arns(commands: CommandLine) -> dict[str, str]:
    return {each["name"]: each["arn"] for each in commands.results()}


def models(region: str = "us-east-1", model: str = "amazon.nova-lite-v1:0") -> list[str]:
    return [f"arn:aws:bedrock:{region}::foundation-model/{model}"]


HAIKUS = [arn for region in ("us-east-1", "us-east-2", "us-west-2") for arn in models(region, HAIKU[3:])]


def policies(commands: CommandLine, *flags: str, code: int = 0) -> dict[str, Any]:
    ended = commands("iam-policy", "--invoke", *flags)
    assert ended.code == code, ended.err
    found: dict[str, Any] = json.loads(ended.out)
    return found


def test_a_run_knows_what_its_callers_need_and_aws_says_the_same(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.apply(commands.manifest(*TEAMS, header=HEADER))
    made = policies(commands)
    for name, reached in {"search": models(), "search-haiku": HAIKUS, "ads": models("eu-central-1")}.items():
        assert is_allowed(made["invoke"], call(arns(commands)[name], reached))
    assert policies(commands, "--live", "--regions", "us-east-1,eu-central-1") == made
    # A run that changes nothing knows it as well.
    commands.apply("teams.csv")
    assert policies(commands) == made
    (only,) = policies(commands, "--where", "tag:Team=ads")["invoke"]
    assert is_allowed([only], call(arns(commands)["ads"], models("eu-central-1")))
    assert not is_allowed([only], call(arns(commands)["search"], models()))


def test_each_team_has_its_own(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.apply(commands.manifest(*TEAMS, header=HEADER))
    ended = commands("iam-policy", "--invoke", "--by", "tag:Team")
    assert (ended.code, set(json.loads(ended.out))) == (3, {"search", "ads"})
    assert "nobody: has no tag:Team, so no policy is its own" in ended.err
    commands.folder.joinpath("callers").mkdir()
    commands.write("callers/gone-1.json", "{}")
    ended = commands("iam-policy", "--invoke", "--by", "tag:Team", "--out", "callers/")
    assert (ended.code, ended.out) == (3, "")
    assert "2 files written: callers/ads-1.json, callers/search-1.json" in ended.err
    assert "callers/ holds 1 more .json files, such as gone-1.json" in ended.err
    assert "nobody: has no tag:Team to name a file of" in ended.err
    (search,) = policies(commands, "--by", "tag:Team", code=3)["search"]
    assert json.loads((commands.folder / "callers" / "search-1.json").read_text()) == search


def test_many_profiles_need_several_policies(commands: CommandLine, sandbox: Sandbox) -> None:
    names = [f"team-{number:03d}" for number in range(40)]
    commands.apply(commands.manifest(*names))
    ended = commands("iam-policy", "--invoke", "--out", "callers")
    assert ended.code == 0
    assert f"invoke: 2 policies, as one holds {LIMIT} characters; a caller needs all of them" in ended.err
    found = [json.loads((commands.folder / f"callers/invoke-{number}.json").read_text()) for number in (1, 2)]
    assert all(is_allowed(found, call(arn, models())) for arn in arns(commands).values())


def test_more_than_a_role_takes_is_a_warning(
    commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulkprof.cli.caller_policies.ATTACHED", 1)
    commands.apply(commands.manifest(*[f"team-{number:03d}" for number in range(40)]))
    said = commands("iam-policy", "--invoke").err
    assert "warning: invoke: 2 policies" in said
    assert "a role takes 1 unless AWS raised that: divide with --by or --where" in said


def test_a_run_that_doesnt_know_where_calls_are_routed_says_so(commands: CommandLine, sandbox: Sandbox) -> None:
    """As runs of earlier versions don't."""
    commands.apply(commands.manifest(*TEAMS, header=HEADER))
    (path,) = commands.folder.glob(".bulkprof/runs/*.db")
    with RunFile.open(path) as run:
        run.note(routes={})
    ended = commands("iam-policy", "--invoke")
    assert ended.code == 3
    assert "left out: " in ended.err
    assert "search-haiku: the models that it reaches aren't known; a new run finds them out, or --live" in ended.err
    ended = commands("iam-policy", "--invoke", "--where", "name=search-haiku")
    assert (ended.code, ended.out) == (64, "")
    assert "no profile can be allowed: " in ended.err
    assert "nothing was written" in ended.err


def test_a_profile_that_drifted_isnt_allowed_the_model_that_is_wanted(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.apply(commands.manifest("search"))
    commands.apply(commands.manifest(f"search,{HAIKU}", "ads,", header="name,model"), code=3)
    ended = commands("iam-policy", "--invoke")
    assert ended.code == 3
    assert "search: the models that it reaches aren't known" in ended.err
    assert HAIKU[3:] not in ended.out


def test_the_service_control_policy(commands: CommandLine) -> None:
    ended = commands("iam-policy", "--scp", "--except", "arn:aws:iam::*:role/Gateway", "--partition", "aws-us-gov")
    assert ended.code == 0
    (policy,) = json.loads(ended.out)["scp"]
    text = json.dumps(policy)
    assert all(part in text for part in ('"aws:ResourceTag/bulkprof:estate": "tests"', "role/Gateway", "aws-us-gov"))
    assert "try it on one organizational unit first" in ended.err
    ended = commands("iam-policy", "--scp", "--out", "policies")
    assert (ended.code, ended.out) == (0, "")
    assert "warning: no role is excepted (--except)" in ended.err
    assert "1 file written: policies/scp-1.json" in ended.err
    assert "PrincipalArn" not in (commands.folder / "policies/scp-1.json").read_text()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--invoke --scp", "ask for one at a time"),
        ("--invoke --for hub", "are about the policies of runs: leave them out with --invoke"),
        ("--scp --partition arn:aws", "such as aws or aws-us-gov"),
        ("--scp --usage", "are about the policies of runs: leave them out with --scp"),
        ("--scp --read-only", "are about the policies of runs: leave them out with --scp"),
        ("--except arn:aws:iam::*:role/x", "--except is about --scp"),
        ("--invoke --except arn:aws:iam::*:role/x", "--except is about --scp"),
        ("--scp --except x", "--except 'x' is not the ARN of a role or user"),
        ("--live", "add --invoke"),
        ("--scp --by tag:Team", "add --invoke"),
        ("20260101", "add --invoke"),
        ("--out policies", "the policies of runs are printed only"),
        ("--invoke --partition aws-cn", "the profiles' own ARNs say it"),
        ("--invoke --live 20260101", "--live asks AWS, not run 20260101"),
        ("--invoke --regions us-east-1", "say where --live looks"),
        ("--invoke --by Team", "--by 'Team' is no field; the fields are name"),
        ("--invoke --where Team", "write a field and its value"),
        ("--invoke", "no run of estate 'tests'"),
    ],
)
def test_wrong_usage(commands: CommandLine, flags: str, said: str) -> None:
    ended = commands("iam-policy", *flags.split())
    assert (ended.code, ended.out) == (64, "")
    assert said in ended.err


def test_more_wrong_usage(commands: CommandLine, sandbox: Sandbox) -> None:
    assert "--out names no folder" in commands("iam-policy", "--invoke", "--out", "").err
    commands.apply(commands.manifest("a,a/b", "b,a b", header="name,tag:Team"))
    ended = commands("iam-policy", "--invoke", "--by", "tag:Team", "--out", "callers")
    assert ended.code == 64
    assert "--by tag:Team: 'a/b' and 'a b' would both be callers/a-b-1.json" in ended.err
    assert not (commands.folder / "callers").exists()
    ended = commands("iam-policy", "--invoke", "--where", "name=c")
    assert (ended.code, "fits none of 2 profiles" in ended.err) == (64, True)
    ended = commands("iam-policy", "--invoke", "--live", "--regions", "eu-central-1")
    assert (ended.code, "no profile can be allowed, for none exists; nothing was written" in ended.err) == (64, True)
