"""Whether a plan's new profiles fit into their account, looked at before anything is changed.

A plan that doesn't fit is a warning, not a refusal: what fits is made. AWS refuses the rest, and its first refusal
ends that target's creations, the others being skipped without a call.
"""

from __future__ import annotations

from collections.abc import Iterable

from bulkprof.errors import AwsError, NotFoundError
from bulkprof.model import Action, ActionKind, Target
from bulkprof.pages import Send
from bulkprof.profiles.api import ReadsQuota
from bulkprof.profiles.operations import Operation

DEFAULT_QUOTA = 1000
"""Profiles per account and Region that AWS allows by default."""
QUOTA_SERVICE = "bedrock"
QUOTA_CODE = "L-40EC9882"
"""Service Quotas' code of *inference profiles per account*, in each Region."""
QUOTA_EXCEEDED = "ServiceQuotaExceededException"
"""The error code of a creation for which the target has no room left: all others would end alike."""
_RAISE = f"aws service-quotas request-service-quota-increase --service-code {QUOTA_SERVICE} --quota-code {QUOTA_CODE}"


async def quota_warning(
    api: ReadsQuota, call: Send, target: Target, exists: int, actions: Iterable[Action], *, beside: bool = False
) -> str | None:
    """What to say where more profiles are to be made than the target has room for; None where they fit.

    Deletions of the same plan are not counted on: they come last. `beside` says that replaced profiles stay for a
    while, so that each replacement needs a place, too.
    """
    kinds = (ActionKind.CREATE, ActionKind.REPLACE) if beside else (ActionKind.CREATE,)
    planned = sum(1 for action in actions if action.kind in kinds and action.refusal is None)
    # Quotas are raised from the default, not lowered: below it there is nothing to ask, in any target of most runs.
    # Should AWS ever give an account less, its first refusal says so.
    if not planned or exists + planned <= DEFAULT_QUOTA:
        return None
    quota, doubt = DEFAULT_QUOTA, ""
    try:
        quota = await call(Operation.QUOTA, api.profile_quota)
    except NotFoundError:
        pass
    except AwsError as error:
        doubt = f" by default (the account's own can't be read: {error.code}; allow servicequotas:GetServiceQuota)"
    excess = exists + planned - quota
    if excess <= 0:
        return None
    return (
        f"{target}: {exists} profiles exist and {planned} are to be created, but the quota is {quota}{doubt}: AWS will "
        f"refuse {min(excess, planned)} of them. To raise it: {_RAISE} --desired-value {exists + planned} "
        f"--region {target.region}"
    )
