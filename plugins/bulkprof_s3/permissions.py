"""The least IAM permissions to upload reports."""

from __future__ import annotations

from typing import Any

from bulkprof.plugins import PolicyRequest


def statements(policy: PolicyRequest, bucket: str, prefix: str, kms_key: str) -> list[dict[str, Any]]:
    """Return the statements for objects below `prefix`, encrypted with `kms_key` where it isn't empty."""
    # An access point is named by its ARN, and its objects are below `object/`.
    objects = f"{bucket}/object/" if bucket.startswith("arn:") else f"arn:{policy.partition}:s3:::{bucket}/"
    upload = {
        "Sid": "DeliverReports",
        "Effect": "Allow",
        "Action": ["s3:PutObject"],
        "Resource": [f"{objects}{prefix}*"],
    }
    return [upload, _encrypt(policy, kms_key)] if kms_key else [upload]


def _encrypt(policy: PolicyRequest, key: str) -> dict[str, Any]:
    """Return the permission to use the reports' KMS key. A policy can name an alias only in a condition."""
    keys = f"arn:{policy.partition}:kms:*:{policy.account}:key"
    alias = "alias/" + key.partition("alias/")[2] if "alias/" in key else ""
    resource = f"{keys}/*" if alias else key if key.startswith("arn:") else f"{keys}/{key}"
    statement: dict[str, Any] = {
        "Sid": "EncryptReports",
        "Effect": "Allow",
        "Action": ["kms:GenerateDataKey"],
        "Resource": [resource],
    }
    if alias:
        statement["Condition"] = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
    return statement
