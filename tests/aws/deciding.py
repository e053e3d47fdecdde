"""Whether AWS allows a call of a model: IAM's rules as far as these policies use them, and AWS's linters for policies.

A call is authorised on all that it touches: the profile, if it names one, and the models that it may be routed to. For
the models, a condition key says which profile was named.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import pytest

Context = Mapping[str, str]


def call(profile: str, models: Sequence[str], **more: str) -> list[tuple[str, Context]]:
    """What a call of a profile is authorised on, each with its condition keys. `more` are tags of the profile."""
    tags = {f"aws:ResourceTag/{key}": value for key, value in more.items()}
    through = {"bedrock:InferenceProfileArn": profile}
    return [(profile, tags), *((model, through) for model in models)]


def is_allowed(documents: Sequence[Mapping[str, Any]], touched: Sequence[tuple[str, Context]]) -> bool:
    """Whether policies of an identity, all of them attached, allow a call."""
    return all(_effects(documents, resource, context) == {"Allow"} for resource, context in touched)


def is_denied(
    documents: Sequence[Mapping[str, Any]], touched: Sequence[tuple[str, Context]], principal: str = ""
) -> bool:
    """Whether service control policies deny a call of a principal."""
    who = {"aws:PrincipalArn": principal}
    return any("Deny" in _effects(documents, resource, {**context, **who}) for resource, context in touched)


def _effects(documents: Sequence[Mapping[str, Any]], resource: str, context: Context) -> set[str]:
    return {
        statement["Effect"]
        for document in documents
        for statement in document["Statement"]
        if any(fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        and all(
            _holds(operator, context.get(key), values)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    }


def _holds(operator: str, value: str | None, values: str | Sequence[str]) -> bool:
    wanted = [values] if isinstance(values, str) else values
    match operator:
        case "StringEquals":
            return value in wanted
        case "StringNotEquals":
            # A negated condition holds where the key is absent.
            return value not in wanted
        case "ArnNotLike":
            return value is None or not any(fnmatchcase(value, each) for each in wanted)
    raise AssertionError(operator)


def faults(document: Mapping[str, Any]) -> list[str]:
    """What parliament, which knows each action's resources and condition keys, has against a policy."""
    with warnings.catch_warnings():
        # Its configuration is opened and never closed, and pkg_resources says that it is old.
        warnings.simplefilter("ignore")
        parliament = pytest.importorskip("parliament", reason="a development dependency")
        found = parliament.analyze_policy_string(json.dumps(document))
    # The first: that a statement doesn't name each kind of resource that the action may have, such as prompt routers.
    # The second: that an ARN is compared as a text, as AWS's own examples do with this key.
    known = {"RESOURCE_MISMATCH", "MISMATCHED_TYPE_BUT_USABLE"}
    return [f"{each.issue} {each.detail}" for each in found.findings if each.issue not in known]


def template_faults(document: Mapping[str, Any]) -> list[str]:
    """What CloudFormation's linter, which knows which resources an action takes, has against a policy."""
    api = pytest.importorskip("cfnlint.api", reason="comes with moto's extras")
    policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
    found = api.lint_all(json.dumps({"Resources": {"Policy": policy}}))
    # I4010 misses a block of remarks that has nothing to do with being right.
    return [str(each) for each in found if each.rule.id != "I4010"]
