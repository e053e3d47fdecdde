"""Targets that can't be worked in, shown together: a block for each cause, with the accounts and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bulkprof.aws.operations import StsOperation
from bulkprof.errors import AccessDeniedError, AwsError
from bulkprof.model import Target
from bulkprof.reports import remedies
from bulkprof.text.printable import Lines, printable_lines

SHOWN = 100
"""Accounts or targets that a block lists before it only counts; each one stands in the results."""
_REQUEST_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def blocks(errors: Mapping[Target, AwsError], trust: str) -> list[Lines]:
    """Return one text for each cause. `trust` is what the trust policy of a role must allow, for people."""
    causes: dict[tuple[str, str, str], list[Target]] = {}
    for target, error in sorted(errors.items()):
        key = (error.operation, error.code, shape(error.message, target))
        causes.setdefault(key, []).append(target)
    return [_block(targets, errors[targets[0]], cause, trust) for (_, _, cause), targets in causes.items()]


def shape(message: str, target: Target) -> str:
    """Return a message without what differs from target to target, so that equal causes have equal texts."""
    text = _REQUEST_ID.sub("…", message)
    if target.account:
        text = text.replace(target.account, "{account}")
    return re.sub(rf"\b{re.escape(target.region)}\b", "{region}", text) if target.region else text


def _block(targets: list[Target], error: AwsError, cause: str, trust: str) -> Lines:
    entering = error.operation == StsOperation.ASSUME_ROLE or error.code == "NoRole"
    accounts = sorted({target.account or "the caller's own" for target in targets})
    names = accounts if entering else [str(target) for target in targets]
    if len(accounts) == 1:
        cause = cause.replace("{account}", accounts[0])
    what = "account" if entering else "target"
    count = f"1 {what}" if len(names) == 1 else f"{len(names)} {what}s"
    listed = ", ".join(names[:SHOWN]) + (f", and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    lines = [
        f"{count} can't be {'entered' if entering else 'observed'}; the rows there fail, nothing is changed there:",
        f"  {listed}",
        f"  why: {error.operation + ': ' if error.operation else ''}{_named(error.code, cause)}",
    ]
    if entering:
        remedy = _remedy(error, trust)
        otherwise = f"leave them out: --not-accounts {','.join(names[:SHOWN])}"
        lines.append(f"  remedy: {remedy}, or {otherwise}" if remedy else f"  remedy: as said above, or {otherwise}")
    return printable_lines(lines)


def _named(code: str, cause: str) -> str:
    return cause if code in cause else f"{code}: {cause}"


def _remedy(error: AwsError, trust: str) -> str:
    if error.code == "NoRole":
        return "set `role` in [organization]"
    if not isinstance(error, AccessDeniedError):
        # Another role or trust would change nothing: the error says what would.
        return ""
    if (kind := remedies.remedy_kind(error.message)) != remedies.ALLOW:
        return remedies.remedy(kind, ["sts:AssumeRole"]).removeprefix("to mend: ").partition(";")[0]
    role = next(iter(re.findall(r"role/([^\s:]+)", error.message)), "")
    return f"the role {role or 'of [organization]'} must be there, and its trust policy must allow {trust}"
