"""The member role as a CloudFormation template, for a StackSet over the organization's accounts.

Pure. A template in JSON is as good as one in YAML to CloudFormation. The trust names the hub's account, and its role
only in a condition: a role named as principal has to exist, and is forgotten when somebody makes it anew.
"""

from __future__ import annotations

from typing import Any

from bulkprof.aws.iam import Needs, Scope, member_statements
from bulkprof.errors import ConfigError

DEFAULT_ROLE = "BulkprofMember"
"""The member role's name where the config has none."""
_HERE = Scope(partition="${AWS::Partition}", account="${AWS::AccountId}")
_HOUR_S = 3600
_LONGEST_NAME = 64


def template(needs: Needs) -> dict[str, Any]:
    """The template. Raises `ConfigError` for a role that CloudFormation couldn't name."""
    organization = needs.settings.organization
    hub = organization.via.split(":", 5) if organization.via else ()
    path, name = role_name(organization.role or DEFAULT_ROLE)
    external: dict[str, Any] = {
        "Type": "String",
        "Description": "What the hub says when it assumes the role: [organization] external_id. Empty asks for none.",
        "MaxLength": 1224,
        "AllowedPattern": "[\\w+=,.@:/-]*",
    }
    # A config that has one makes the parameter required: forgotten, the role would ask the hub for nothing.
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
                "Action": "sts:AssumeRole",
                "Condition": {"Fn::If": ["AsksForExternalId", with_id, {"ArnLike": hub}]},
            }
        ],
    }


def _substituted(value: Any) -> Any:
    """The value, with CloudFormation told of each text in which it has something to fill in."""
    if isinstance(value, str):
        return {"Fn::Sub": value} if "${" in value else value
    if isinstance(value, dict):
        return {key: _substituted(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_substituted(part) for part in value]
    return value
