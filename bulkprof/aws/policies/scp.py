"""A service control policy that lets an organization's accounts call models through the estate's profiles alone.

Pure. Two denials, with the same exceptions:

- Foundation models, unless through an application profile. That covers system profiles, too: a call of one is
  authorised on its models, and the condition key then names the system profile. System profiles themselves aren't
  denied: an application profile may be made from one. A negated condition holds where its key is absent, so calls
  without any profile are denied by the same statement.
- Application profiles, unless they carry the estate's ownership tag.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from bulkprof.aws.policies.grammar import THROUGH, Document, document, statement

LIMIT: Final = 5120
"""The characters of a service control policy, at most; whitespace counts, unless the console saves it."""
_PRINCIPAL = re.compile(r"arn:[a-z*-]+:iam::(?:[0-9*?]{1,12}):(?:role|user)/[\w+=,.@/*?-]+")


def service_control_policies(
    tag: str, estate: str, *, partition: str = "aws", exceptions: Sequence[str] = ()
) -> list[Document]:
    """Return the policy; as two where the exceptions, ARNs of roles or users with wildcards, fit into no single one.

    Raises `ValueError` for an exception that no principal can have, and for more than fit.
    """
    for exception in exceptions:
        if not _PRINCIPAL.fullmatch(exception):
            raise ValueError(
                f"{exception!r} is not the ARN of a role or user; write such as arn:{partition}:iam::*:role/Gateway"
            )
    profiles = f"arn:{partition}:bedrock:*:*:application-inference-profile/*"
    excepted = {"aws:PrincipalArn": list(exceptions)} if exceptions else {}
    untagged: dict[str, Any] = {"StringNotEquals": {f"aws:ResourceTag/{tag}": estate}}
    statements = [
        statement(
            "Deny",
            "ModelsPastProfiles",
            [f"arn:{partition}:bedrock:*::foundation-model/*"],
            {"ArnNotLike": {THROUGH: [profiles], **excepted}},
        ),
        statement(
            "Deny",
            "ProfilesOfNoEstate",
            [profiles],
            {**untagged, "ArnNotLike": excepted} if excepted else untagged,
        ),
    ]
    if _size(whole := document(statements)) <= LIMIT:
        return [whole]
    # The exceptions of a denial can't be divided: each part would deny what the other one excepts.
    parts = [document([each]) for each in statements]
    if max(map(_size, parts)) > LIMIT:
        raise ValueError(
            f"{len(exceptions)} exceptions need more than the {LIMIT} characters of a service control policy; "
            "give the roles a path or a beginning in common, and except that: role/bedrock/*"
        )
    return parts


def _size(policy: Document) -> int:
    """Return the characters of the policy as a file holds it, with the end of its last line."""
    return len(json.dumps(policy, indent=2)) + 1
