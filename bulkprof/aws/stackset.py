"""The member role as a CloudFormation template, for a StackSet over the organization's accounts.

Pure. CloudFormation takes templates in JSON as well as in YAML. The trust policy names the hub's account as principal,
and its role only in a condition: a role as principal has to exist, and stops working when it is deleted and made again.
"""

from __future__ import annotations

from typing import Any

from bulkprof.aws.iam import ASSUME_ROLE, Needs, Scope, member_statements
from bulkprof.errors import ConfigError

DEFAULT_ROLE = "BulkprofMember"
"""The member role's name where the config has none."""
_HERE = Scope(partition="${AWS::Partition}", account="${AWS::AccountId}")
_HOUR_S = 3600
_LONGEST_NAME = 64


def template(needs: Needs) -> dict[str, Any]:
    """Return the template. Raises `ConfigError` for a role name that CloudFormation doesn't take."""
    organization = needs.settings.organization
    hub = organization.via.split(":", 5) if organization.via else ()
    path, name = role_name(organization.role or DEFAULT_ROLE)
    external: dict[str, Any] = {
        "Type": "String",
        "Description": "What the hub says when it assumes the role: [organization] external_id. Empty asks for none.",
        "MaxLength": 1224,
        "AllowedPattern": "[\\w+=,.@:/-]*",
    }
    # Required if the config has an external id: an empty parameter would let the hub in without one.
    external |= {"MinLength": 2} if organization.external_id else {"Default": ""}
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": _substituted(name),
            "Path": _substituted(path),
            "Description": "Lets bulkprof keep Bedrock application inference profiles in this account",
            "MaxSessionDuration": max(_HOUR_S, organization.duration_s),
            "AssumeRolePolicyDocument": _trust(),
            "Policies": [
                {
                    "PolicyName": "bulkprof",
                    "PolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": _substituted(member_statements(needs, _HERE)),
                    },
                }
            ],
        },
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The role that bulkprof assumes in each account; made by `bulkprof iam-policy --cloudformation`",
        "Parameters": {
            "HubAccount": {
                "Type": "String",
                "Description": "The account that bulkprof runs in, or of the role that it goes through.",
                "AllowedPattern": "[0-9]{12}",
                **({"Default": hub[4]} if hub else {}),
            },
            "HubPrincipal": {
                "Type": "String",
                "Description": "The role or user there that may assume this one, with its path; * stands for any text.",
                "Default": hub[5] if hub else "role/BulkprofHub",
                "AllowedPattern": "(role|user)/[\\w+=,.@/*-]+",
            },
            "ExternalId": external,
        },
        "Conditions": {"AsksForExternalId": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ExternalId"}, ""]}]}},
        "Resources": {"MemberRole": role},
        "Outputs": {"RoleArn": {"Value": {"Fn::GetAtt": ["MemberRole", "Arn"]}}},
    }


def role_name(role: str) -> tuple[str, str]:
    """Path and name of `[organization] role`, with CloudFormation's words for the account. Raises `ConfigError`."""
    full = role.partition(":role/")[2] if role.startswith("arn:") else role
    full = full.replace("{account}", _HERE.account).replace("{partition}", _HERE.partition)
    folders, _, name = full.strip("/").rpartition("/")
    if not name or len(name) > _LONGEST_NAME:
        raise ConfigError(f"organization.role: {role!r} names no role of at most {_LONGEST_NAME} characters")
    return (f"/{folders}/" if folders else "/"), name


def _trust() -> dict[str, Any]:
    hub = {"aws:PrincipalArn": _substituted("arn:${AWS::Partition}:iam::${HubAccount}:${HubPrincipal}")}
    with_id = {"ArnLike": hub, "StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": _substituted("arn:${AWS::Partition}:iam::${HubAccount}:root")},
                "Action": ASSUME_ROLE,
                "Condition": {"Fn::If": ["AsksForExternalId", with_id, {"ArnLike": hub}]},
            }
        ],
    }


def _substituted(value: Any) -> Any:
    """Return the value, with `Fn::Sub` around each text that holds a variable."""
    if isinstance(value, str):
        return {"Fn::Sub": value} if "${" in value else value
    if isinstance(value, dict):
        return {key: _substituted(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_substituted(part) for part in value]
    return value
