"""`bulkprof iam-policy`: JSON on stdout, remarks on stderr."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bulkprof.aws.iam import ACTIONS
from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine

PLUGIN = '\n[plugins.guard]\npath = "guard.py"\n'
GUARD = "from bulkprof.plugins import hookimpl\n\n@hookimpl\ndef bulkprof_check_plan(plan):\n    return []\n"


def test_both_policies_or_one(commands: CommandLine) -> None:
    ended = commands("iam-policy")
    assert ended.code == 0
    both = json.loads(ended.out)
    assert set(both) == {"hub", "member"}
    assert "arn:aws:iam::*:role/Onboarding" in ended.out
    assert ended.err == ""
    for party, policy in both.items():
        assert json.loads(commands("iam-policy", "--for", party).out) == policy
    assert "arn:aws-us-gov:bedrock:*" in commands("iam-policy", "--partition", "aws-us-gov").out


def test_deleting_is_asked_for(commands: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "bedrock:DeleteInferenceProfile" not in commands("iam-policy").out
    for flag in ("--prune", "--replace"):
        assert "bedrock:DeleteInferenceProfile" in commands("iam-policy", flag).out
    monkeypatch.setenv("BULKPROF_PRUNE", "1")
    assert "bedrock:DeleteInferenceProfile" in commands("iam-policy").out


def test_a_plan_needs_the_read_only_policy_and_no_more(commands: CommandLine, sandbox: Sandbox) -> None:
    assert commands.apply(commands.manifest("team-a,1", header="name,tag:Team")) == {"created": 1}
    policy = json.loads(commands("iam-policy", "--read-only", "--for", "member").out)
    allowed = {action for statement in policy["Statement"] for action in statement["Action"]}
    sandbox.set_denied(actions=sorted(set(ACTIONS.values()) - allowed))
    commands.manifest("team-a,2", "team-b,1", header="name,tag:Team")
    ended = commands("plan", "teams.csv", "--detailed-exitcode", "--prune")
    assert (ended.code, "warning" in ended.err) == (2, False)
    assert commands("export").code == 0
    assert commands.apply("teams.csv", code=3) == {"failed": 2}


def test_what_is_kept_in_s3_is_in_the_policy(commands: CommandLine) -> None:
    commands.config('[state]\ns3 = "s3://example-state/a/b/"\n')
    hub = json.loads(commands("iam-policy", "--for", "hub").out)
    (keep,) = (each for each in hub["Statement"] if each["Sid"] == "KeepState")
    assert keep["Action"] == ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    bucket = "arn:aws:s3:::example-state"
    assert keep["Resource"] == [f"{bucket}/a/b/rates.json", f"{bucket}/a/b/runs/*"]
    (listing,) = (each for each in hub["Statement"] if each["Sid"] == "ListState")
    assert (listing["Action"], listing["Resource"]) == (["s3:ListBucket"], [bucket])
    hub = json.loads(commands("iam-policy", "--for", "hub", "--read-only").out)
    (read,) = (each for each in hub["Statement"] if each["Sid"] == "ReadState")
    assert read["Action"] == ["s3:GetObject"]


def test_a_template_for_the_members(commands: CommandLine) -> None:
    ended = commands("iam-policy", "--cloudformation")
    template = json.loads(ended.out)
    assert template["Resources"]["MemberRole"]["Properties"]["RoleName"] == "Onboarding"
    assert "CAPABILITY_NAMED_IAM" in ended.err
    commands.config("", base="")
    ended = commands("iam-policy", "--cloudformation")
    assert json.loads(ended.out)["Resources"]["MemberRole"]["Properties"]["RoleName"] == "BulkprofMember"
    assert 'for others, set role = "BulkprofMember"' in ended.err


def test_what_isnt_known_is_said(commands: CommandLine) -> None:
    commands.write("guard.py", GUARD)
    commands.config(PLUGIN, base="")
    ended = commands("iam-policy")
    assert ended.code == 0
    assert "no role is set in [organization]" in ended.err
    assert "warning: plugin 'guard': whatever it calls in AWS itself is not in here" in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--for", "hub", "--cloudformation"], 64, "makes the member role"),
        (["--for", "caller"], 64, "the caller is the hub itself"),
        (["--for", "nobody"], 64, "nobody"),
        (["--partition", "arn:aws"], 64, "such as aws or aws-us-gov"),
    ],
)
def test_wrong_usage(commands: CommandLine, arguments: list[str], code: int, said: str) -> None:
    ended = commands("iam-policy", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err


def test_costs_and_use_are_asked_for(commands: CommandLine) -> None:
    plain = commands("iam-policy").out
    assert ("ce:" in plain, "cloudwatch:" in plain) == (False, False)
    assert actions(json.loads(commands("iam-policy", "--usage").out)["member"]) >= {
        "cloudwatch:GetMetricData",
        "cloudwatch:ListMetrics",
    }
    assert "cloudwatch:ListMetrics" in commands("iam-policy", "--usage", "--cloudformation").out
    backfill = "ce:StartCostAllocationTagBackfill"
    assert backfill in actions(json.loads(commands("iam-policy", "--cost-tags").out)["hub"])
    commands.config('[costs]\nactivate = "Team"\n')
    policies = json.loads(commands("iam-policy").out)
    assert actions(policies["hub"]) >= {"ce:ListCostAllocationTags", "ce:UpdateCostAllocationTagsStatus"}
    assert backfill not in actions(policies["hub"])
    assert "ce:" not in commands("iam-policy", "--read-only").out


def test_the_payers_role_has_a_policy_of_its_own(commands: CommandLine) -> None:
    role = "arn:aws:iam::999988887777:role/Costs"
    commands.config("", base=f'[organization]\npayer_role = "{role}"\n')
    policies = json.loads(commands("iam-policy", "--cost-tags").out)
    assert {"ce:ListCostAllocationTags"} <= actions(policies["payer"])
    assert [each["Resource"] for each in policies["hub"]["Statement"] if each["Sid"] == "EnterPayer"] == [[role]]
    assert json.loads(commands("iam-policy", "--cost-tags", "--for", "payer").out) == policies["payer"]
    ended = commands("iam-policy", "--for", "payer")
    assert (ended.code, "needs `payer_role` in [organization], and --cost-tags" in ended.err) == (64, True)


def actions(policy: dict[str, Any]) -> set[str]:
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def test_settings_that_dont_hold_make_no_policy(commands: CommandLine) -> None:
    commands.config("\n[plugins.s3]\nprefix = 'x'\n")
    ended = commands("iam-policy")
    assert (ended.code, ended.out) == (1, "")
    assert "plugins.s3.bucket" in ended.err


def test_a_plugin_under_two_names_has_statements_of_two_names(commands: CommandLine) -> None:
    commands.write("pager.py", "from bulkprof_webhook import Plugin\n")
    commands.write("second.py", "from bulkprof_ssm import Plugin\n")
    hooks = (
        '[plugins.webhook]\nurl_secret = "a"\nsigning_key_secret = "key"\n'
        '[plugins.pager]\npath = "pager.py"\nurl_secret = "b"\nsigning_key_secret = "key"\n'
    )
    parameters = (
        '[plugins.ssm]\nparameter = "/a/{name}"\nwhere = "target"\n'
        '[plugins.second]\npath = "second.py"\nparameter = "/b/{name}"\nwhere = "target"\n'
    )
    commands.config(hooks + parameters)
    both = json.loads(commands("iam-policy").out)
    sids = {party: [each["Sid"] for each in policy["Statement"]] for party, policy in both.items()}
    assert sids["hub"][-2:] == ["ReadWebhookSecrets", "ReadWebhookSecrets2"]
    assert sids["member"][-2:] == ["KeepParameters", "KeepParameters2"]
    template = json.loads(commands("iam-policy", "--cloudformation").out)
    assert '"KeepParameters2"' in json.dumps(template)
