"""The printed permissions cover what is called, and nothing that isn't."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from bulkprof_s3 import S3Settings

from bulkprof.aws.bedrock import _METHODS
from bulkprof.aws.iam import ACTIONS, Needs, Scope, policies, unknown_plugins
from bulkprof.aws.operations import OrganizationOperation
from bulkprof.aws.stackset import role_name, template
from bulkprof.config import Settings
from bulkprof.errors import ConfigError, PluginError
from bulkprof.plugins.registry import Registry
from bulkprof.profiles.operations import Operation
from bulkprof.profiles.quota import QUOTA_CODE

GUARD = {"path": "bulkprof_budget_guard.py"}
"""A plugin with no word about permissions."""
CUSTOM = Path(__file__).parents[2] / "samples" / "custom-plugin"
REPORTS = {
    "bucket": "example-reports",
    "prefix": "bulkprof/{date}/",
    "sse": "aws:kms",
    "kms_key_id": "alias/reports",
}
ROLE = {"role": "bedrock/BulkprofMember"}
EVERYTHING = {
    "estate": "platform",
    "organization": ROLE,
    "lock": {"s3": "s3://example-locks/nightly/lock"},
    "plugins": {
        "tags": {},
        "s3": {
            "bucket": "example-reports",
            "prefix": "bulkprof/{date}/",
            "sse": "aws:kms",
            "kms_key_id": "alias/reports",
        },
        "slack": {"webhook_secret": "slack/webhook"},
        "budget_guard": GUARD,
    },
}


def needs(
    deletes: bool = False, own_account: bool = False, changes: bool = True, folder: Path = CUSTOM, **settings: Any
) -> Needs:
    found = Settings.model_validate(settings)
    registry = Registry(found.plugins, folder)
    return Needs(found, registry, deletes=deletes, changes=changes, own_account=own_account)


def grants(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each action of a policy with each of its resources."""
    for statement in document["Statement"]:
        assert statement["Effect"] == "Allow"
        for action in statement["Action"]:
            yield from ((action, resource) for resource in statement["Resource"])


def actions(document: dict[str, Any]) -> set[str]:
    return {action for action, _ in grants(document)}


def allows(document: dict[str, Any], action: str, resource: str) -> bool:
    return any(action == given and fnmatchcase(resource, pattern) for given, pattern in grants(document))


def test_every_operation_of_a_target_is_covered() -> None:
    member = policies(needs(deletes=True, organization=ROLE), Scope())["member"]
    assert actions(member) == set(ACTIONS.values())
    assert set(ACTIONS) == set(Operation)
    prefixes = {"bedrock": "bedrock", "resourcegroupstaggingapi": "tag", "service-quotas": "servicequotas"}
    for operation, (service, _) in _METHODS.items():
        assert ACTIONS[operation] == f"{prefixes[service]}:{operation}"
        assert operation in Loader().load_service_model(service, "service-2")["operations"]


def test_resources_are_those_that_each_call_needs() -> None:
    member = policies(needs(deletes=True), Scope("aws-us-gov", "111122223333"))["member"]
    here = "arn:aws-us-gov:bedrock:us-gov-west-1"
    profile = f"{here}:111122223333:application-inference-profile/abcdefghijkl"
    for resource in (
        profile,
        f"{here}::foundation-model/amazon.nova-lite-v1:0",
        "arn:aws-us-gov:bedrock:::foundation-model/amazon.nova-lite-v1:0",
        f"{here}:111122223333:inference-profile/us-gov.amazon.nova-lite-v1:0",
    ):
        assert allows(member, "bedrock:CreateInferenceProfile", resource)
    for name in ("TagResource", "UntagResource", "DeleteInferenceProfile", "GetInferenceProfile"):
        assert allows(member, f"bedrock:{name}", profile)
        assert not allows(member, f"bedrock:{name}", profile.replace("application-inference-profile", "guardrail"))
        assert not allows(member, f"bedrock:{name}", profile.replace("111122223333", "444455556666"))
    quota = f"arn:aws-us-gov:servicequotas:us-gov-west-1:111122223333:bedrock/{QUOTA_CODE}"
    assert allows(member, "servicequotas:GetServiceQuota", quota)
    unlimited = {action for action, resource in grants(member) if resource == "*"}
    assert unlimited == {"bedrock:ListFoundationModels", "bedrock:ListInferenceProfiles", "tag:GetResources"}


def test_deleting_is_for_own_profiles_of_runs_that_delete() -> None:
    assert "bedrock:DeleteInferenceProfile" not in actions(policies(needs(), Scope())["member"])
    member = policies(needs(deletes=True, estate="platform", ownership_tag="made by"), Scope())["member"]
    (delete,) = [each for each in member["Statement"] if "bedrock:DeleteInferenceProfile" in each["Action"]]
    assert delete["Condition"] == {"StringEquals": {"aws:ResourceTag/made by": "platform"}}


def test_what_only_looks_changes_nothing() -> None:
    found = policies(needs(changes=False, **EVERYTHING), Scope())
    verbs = {action.partition(":")[2] for party in found.values() for action in actions(party)}
    assert {verb for verb in verbs if not verb.startswith(("Get", "List"))} == {"AssumeRole"}
    whole = policies(needs(**EVERYTHING), Scope())
    assert all(set(grants(found[party])) < set(grants(whole[party])) for party in found)


def test_the_hub_enters_accounts_and_does_what_is_done_once() -> None:
    found = policies(needs(**EVERYTHING), Scope())
    assert set(found) == {"hub", "member"}
    assert set(grants(found["hub"])) == {
        ("sts:AssumeRole", "arn:aws:iam::*:role/bedrock/BulkprofMember"),
        *((str(operation), "*") for operation in OrganizationOperation),
        ("s3:GetObject", "arn:aws:s3:::example-locks/nightly/lock"),
        ("s3:PutObject", "arn:aws:s3:::example-locks/nightly/lock"),
        ("s3:DeleteObject", "arn:aws:s3:::example-locks/nightly/lock"),
        ("s3:ListBucket", "arn:aws:s3:::example-locks"),
        ("s3:PutObject", "arn:aws:s3:::example-reports/bulkprof/*"),
        ("kms:GenerateDataKey", "arn:aws:kms:*:*:key/*"),
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:*:*:secret:slack/webhook-??????"),
    }
    assert unknown_plugins(needs(**EVERYTHING)) == ["budget_guard"]
    both = policies(needs(own_account=True, **EVERYTHING), Scope())
    assert actions(both["hub"]) == actions(found["hub"]) | actions(found["member"])


def test_without_a_role_the_caller_does_it_all() -> None:
    found = policies(needs(), Scope())
    assert found["hub"] == found["member"]


def test_a_caller_that_goes_via_a_hub_role_needs_little_itself() -> None:
    via = "arn:aws:iam::111122223333:role/BulkprofHub"
    found = policies(needs(**{**EVERYTHING, "organization": {**ROLE, "via": via}}), Scope())
    assert ("sts:AssumeRole", via) in set(grants(found["caller"]))
    assert {"s3:PutObject", "secretsmanager:GetSecretValue"} < actions(found["caller"])
    assert actions(found["hub"]) == {"sts:AssumeRole", *map(str, OrganizationOperation)}


@pytest.mark.parametrize(
    ("table", "resources"),
    [
        ({"bucket": "example-reports"}, {f"arn:aws:s3:::example-reports/{S3Settings(bucket='abc').prefix[:9]}*"}),
        ({"bucket": "example-reports", "prefix": ""}, {"arn:aws:s3:::example-reports/*"}),
        (
            {"bucket": "arn:aws:s3:us-east-1:111122223333:accesspoint/ap", "prefix": "x/"},
            {"arn:aws:s3:us-east-1:111122223333:accesspoint/ap/object/x/*"},
        ),
        ({"bucket": "example-reports", "enabled": False}, set()),
        (GUARD, set()),
    ],
)
def test_where_reports_go(table: dict[str, Any], resources: set[str]) -> None:
    hub = policies(needs(organization=ROLE, plugins={"s3": table}), Scope())["hub"]
    assert {resource for action, resource in grants(hub) if action == "s3:PutObject"} == resources


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("Member", ("/", "Member")),
        ("/bedrock/Member", ("/bedrock/", "Member")),
        ("arn:{partition}:iam::{account}:role/a/b/Member-{account}", ("/a/b/", "Member-${AWS::AccountId}")),
    ],
)
def test_the_roles_name(role: str, expected: tuple[str, str]) -> None:
    assert role_name(role) == expected


def test_a_role_that_cloudformation_cant_name() -> None:
    with pytest.raises(ConfigError, match="at most 64 characters"):
        role_name("x" * 65)


def test_the_external_id_is_required_where_the_config_has_one_and_never_shown() -> None:
    made = template(needs(organization={**ROLE, "external_id": "hush-hush"}))
    assert "Default" not in made["Parameters"]["ExternalId"]
    assert "hush-hush" not in json.dumps(made)
    assert template(needs(organization=ROLE))["Parameters"]["ExternalId"]["Default"] == ""


def test_via_names_the_hub() -> None:
    via = "arn:aws:iam::111122223333:role/ops/BulkprofHub"
    parameters = template(needs(organization={**ROLE, "via": via}))["Parameters"]
    assert parameters["HubAccount"]["Default"] == "111122223333"
    assert parameters["HubPrincipal"]["Default"] == "role/ops/BulkprofHub"


@pytest.mark.parametrize("organization", [{}, {**ROLE, "external_id": "x1", "duration_s": 43200}])
def test_the_template_is_sound(organization: dict[str, Any]) -> None:
    """CloudFormation's own linter knows every action and which resources it takes."""
    api = pytest.importorskip("cfnlint.api", reason="comes with moto's extras")
    made = template(needs(deletes=True, organization=organization))
    # I4010 misses a block of remarks that has nothing to do with being right.
    assert [str(found) for found in api.lint_all(json.dumps(made)) if found.rule.id != "I4010"] == []
    policy = made["Resources"]["MemberRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    assert {action for each in policy["Statement"] for action in each["Action"]} == set(ACTIONS.values())


TOPIC = """
from bulkprof.plugins import hookimpl


@hookimpl
def bulkprof_permissions(policy):
    where = f"arn:{policy.partition}:sns:*:{policy.account}:{policy.holder}"
    statement = {"Sid": "Tell", "Effect": "Allow", "Action": ["sns:Publish"], "Resource": [where]}
    yield statement if GOOD else "sns:Publish"
"""


def test_a_plugin_says_itself_what_it_needs_in_each_role(tmp_path: Path) -> None:
    (tmp_path / "topic.py").write_text(f"GOOD = True\n{TOPIC}")
    asked = needs(folder=tmp_path, organization=ROLE, plugins={"topic": {"path": "topic.py"}})
    found = policies(asked, Scope("aws-us-gov"))
    assert ("sns:Publish", "arn:aws-us-gov:sns:*:*:runner") in set(grants(found["hub"]))
    assert ("sns:Publish", "arn:aws-us-gov:sns:*:*:member") in set(grants(found["member"]))
    assert unknown_plugins(asked) == []
    assert "arn:${AWS::Partition}:sns:*:${AWS::AccountId}:member" in json.dumps(template(asked))


def test_what_is_no_statement_names_its_plugin(tmp_path: Path) -> None:
    (tmp_path / "topic.py").write_text(f"GOOD = False\n{TOPIC}")
    with pytest.raises(PluginError, match=r"topic.*returns IAM statements with Effect, Action and Resource"):
        policies(needs(folder=tmp_path, plugins={"topic": {"path": "topic.py"}}), Scope())
