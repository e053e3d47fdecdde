"""The least permissions for a config: of the hub (the caller, mostly), and of the role that it assumes in each account.

Pure. Resources are as narrow as AWS allows: lists can't be limited to resources, and a creation is authorised on the
model, the system profile and the new profile. Deletions are limited to profiles with the estate's ownership tag.
`stackset` makes a CloudFormation template of the same statements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from bulkprof.aws.operations import CostOperation, MetricOperation, OrganizationOperation, S3Operation, StsOperation
from bulkprof.config import Settings, split_s3_prefix, split_s3_uri
from bulkprof.errors import PluginError
from bulkprof.plugins.api import PolicyHolder, PolicyRequest
from bulkprof.plugins.registry import Registry
from bulkprof.profiles.operations import Operation
from bulkprof.profiles.quota import QUOTA_CODE

ACTIONS: Final[Mapping[Operation, str]] = {
    operation: {
        Operation.TAGGED: "tag:GetResources",
        Operation.QUOTA: "servicequotas:GetServiceQuota",
    }.get(operation, f"bedrock:{operation}")
    for operation in Operation
}
"""The name of each operation in IAM policies."""
ASSUME_ROLE: Final = f"sts:{StsOperation.ASSUME_ROLE}"
_HOOK: Final = "bulkprof_permissions"

Statement = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a policy holds: the partition and account in its ARNs."""

    partition: str = "aws"
    account: str = "*"

    def bedrock(self, resource: str) -> str:
        """Return the ARN of a Bedrock resource type, in all Regions."""
        # A foundation model belongs to no account. With an empty Region, it is one of a global profile.
        account = "" if resource.startswith("foundation-model/") else self.account
        return f"arn:{self.partition}:bedrock:*:{account}:{resource}"


@dataclass(frozen=True, slots=True)
class Needs:
    """The features that a config and the flags of its runs use."""

    settings: Settings
    registry: Registry
    """The active plugins, which say themselves what they need."""
    deletes: bool = False
    """Runs have --prune or --replace."""
    changes: bool = True
    """Runs change something. Without: only `plan` and `export`, which use no sinks and hold no lock."""
    cost_tags: bool = False
    """The caller looks at cost allocation tags, and changes them."""
    usage: bool = False
    """The use of profiles is read."""
    own_account: bool = False
    """The hub makes profiles in its own account, too. It always does where no role is set."""


def policies(needs: Needs, scope: Scope) -> dict[str, dict[str, Any]]:
    """Return the policy documents: `hub` and `member`; `caller` and `payer` where the config has roles for them."""
    organization = needs.settings.organization
    shared = [*_lock(needs, scope), *_state(needs, scope), *_costs(needs), *_of_plugins(needs, scope, "runner")]
    hub: list[Statement] = []
    if organization.role:
        hub.append(_allow("EnterAccounts", [ASSUME_ROLE], [role_arn(organization.role, scope)]))
        hub.append(_allow("FindAccounts", sorted(OrganizationOperation), ["*"]))
    if needs.own_account or not organization.role:
        hub.extend(member_statements(needs, scope))
    found = {}
    if organization.via:
        # The caller holds locks and writes reports; the hub role enters accounts.
        found["caller"] = _document([_allow("EnterHub", [ASSUME_ROLE], [organization.via]), *shared])
    else:
        hub.extend(shared)
    found["hub"] = _document(hub)
    if organization.payer_role and (actions := _cost_actions(needs)):
        found["payer"] = _document([_allow("CostAllocationTags", actions, ["*"])])
    found["member"] = _document(member_statements(needs, scope))
    return found


def unknown_plugins(needs: Needs) -> list[str]:
    """Return the active plugins that don't say which permissions they need."""
    registry = needs.registry
    return [name for name in registry.objects if _HOOK not in registry.hooks_of(name)]


def member_statements(needs: Needs, scope: Scope) -> list[Statement]:
    """Return the statements that managing profiles in one account needs."""
    ours = scope.bedrock("application-inference-profile/*")
    sources = [scope.bedrock("foundation-model/*"), scope.bedrock("inference-profile/*")]
    quota = f"arn:{scope.partition}:servicequotas:*:{scope.account}:bedrock/{QUOTA_CODE}"
    statements = [
        _allow("ListModelsAndProfiles", _actions(Operation.MODELS, Operation.LIST, Operation.TAGGED), ["*"]),
        _allow("ReadQuota", _actions(Operation.QUOTA), [quota]),
        _allow("ReadProfiles", _actions(Operation.GET, Operation.TAGS_OF), [ours]),
    ]
    if needs.changes:
        statements.append(_allow("CreateProfiles", _actions(Operation.CREATE), [ours, *sources]))
        # A creation with tags needs the permission to tag, too.
        statements.append(_allow("TagProfiles", _actions(Operation.TAG, Operation.UNTAG), [ours]))
    if needs.changes and needs.deletes:
        owned = {f"aws:ResourceTag/{needs.settings.ownership_tag}": needs.settings.estate}
        statements.append(
            {**_allow("DeleteOwnProfiles", _actions(Operation.DELETE), [ours]), "Condition": {"StringEquals": owned}}
        )
    if needs.usage:
        statements.append(_allow("ReadMetrics", sorted(MetricOperation), ["*"]))
    return _told_apart([*statements, *_of_plugins(needs, scope, "member")])


def role_arn(role: str, scope: Scope) -> str:
    """Return the ARN of `[organization] role` in the scope's account (all of them, by default)."""
    if not role.startswith("arn:"):
        return f"arn:{scope.partition}:iam::{scope.account}:role/{role.removeprefix('/')}"
    return role.replace("{account}", scope.account).replace("{partition}", scope.partition)


def _costs(needs: Needs) -> list[Statement]:
    """Return what the caller needs for cost allocation tags: the payer's role, or the calls themselves."""
    if not (actions := _cost_actions(needs)):
        return []
    role = needs.settings.organization.payer_role
    return [_allow("EnterPayer", [ASSUME_ROLE], [role]) if role else _allow("CostAllocationTags", actions, ["*"])]


def _cost_actions(needs: Needs) -> list[str]:
    if needs.cost_tags:
        return sorted(CostOperation)
    # Runs do it by themselves.
    if needs.changes and needs.settings.costs.activate:
        return sorted([CostOperation.TAGS, CostOperation.ACTIVATE])
    return []


def _lock(needs: Needs, scope: Scope) -> list[Statement]:
    if needs.settings.lock.s3 is None or not needs.changes:
        return []
    bucket, key = split_s3_uri(needs.settings.lock.s3)
    arn = f"arn:{scope.partition}:s3:::{bucket}"
    return [
        _allow("HoldLock", _s3_actions(S3Operation.DELETE, S3Operation.GET, S3Operation.PUT), [f"{arn}/{key}"]),
        # Without ListBucket, S3 returns "denied" for an object that doesn't exist, and the lock can't be taken.
        _allow("SeeThatTheLockIsFree", ["s3:ListBucket"], [arn]),
    ]


def _state(needs: Needs, scope: Scope) -> list[Statement]:
    """Return what runs need that come from S3 and go back there; those that change nothing leave nothing there."""
    if needs.settings.state.s3 is None:
        return []
    bucket, prefix = split_s3_prefix(needs.settings.state.s3)
    arn = f"arn:{scope.partition}:s3:::{bucket}"
    writes = [S3Operation.DELETE, S3Operation.PUT] if needs.changes else []
    objects = [f"{arn}/{prefix}rates.json", f"{arn}/{prefix}runs/*"]
    return [
        _allow("KeepState" if writes else "ReadState", sorted(_s3_actions(S3Operation.GET, *writes)), objects),
        # Without ListBucket, S3 returns "denied" for what isn't there yet, too.
        _allow("ListState", ["s3:ListBucket"], [arn]),
    ]


def _of_plugins(needs: Needs, scope: Scope, holder: PolicyHolder) -> Iterator[Statement]:
    policy = PolicyRequest(holder, scope.partition, scope.account, changes=needs.changes)
    for plugin, statements in needs.registry.gather(_HOOK, policy):
        for statement in statements:
            if not isinstance(statement, Mapping) or not statement.keys() >= {"Effect", "Action", "Resource"}:
                raise PluginError(plugin, f"{_HOOK} returns IAM statements with Effect, Action and Resource")
            yield dict(statement)


def _actions(*operations: Operation) -> list[str]:
    return sorted(ACTIONS[operation] for operation in operations)


def _s3_actions(*operations: S3Operation) -> list[str]:
    return [f"s3:{operation}" for operation in operations]


def _allow(sid: str, actions: Sequence[str], resources: Sequence[str]) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _document(statements: Iterable[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": _told_apart(statements)}


def _told_apart(statements: Iterable[Statement]) -> list[Statement]:
    """Return them with a Sid each, as IAM takes it: a plugin may be active under several names."""
    found: list[Statement] = []
    for statement in statements:
        taken = {other.get("Sid") for other in found}
        if (sid := statement.get("Sid")) and sid in taken and statement not in found:
            found.append({**statement, "Sid": next(name for at in count(2) if (name := f"{sid}{at}") not in taken)})
        elif statement not in found:
            found.append(statement)
    return found
