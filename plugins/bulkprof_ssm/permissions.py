"""The least IAM permissions to keep parameters."""

from __future__ import annotations

from typing import Any

from bulkprof.plugins import PolicyRequest
from bulkprof_ssm.names import ParameterTemplate


def statements(policy: PolicyRequest, region: str, template: ParameterTemplate) -> list[dict[str, Any]]:
    """Return the statement for parameters of a template in a Region, `*` for all."""
    # In an ARN, a name's first slash is that after `parameter`.
    names = template.beginning.removeprefix("/")
    return [
        {
            "Sid": "KeepParameters",
            "Effect": "Allow",
            # A creation with tags needs the permission to tag, too.
            "Action": [
                "ssm:AddTagsToResource",
                "ssm:DeleteParameters",
                "ssm:GetParameters",
                "ssm:ListTagsForResource",
                "ssm:PutParameter",
            ],
            "Resource": [f"arn:{policy.partition}:ssm:{region}:{policy.account}:parameter/{names}*"],
        }
    ]
