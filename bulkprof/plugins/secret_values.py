"""Secrets of plugins, such as a webhook's URL: from an environment variable or AWS Secrets Manager, never shown."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from pydantic import SecretStr

from bulkprof.plugins.api import ClientFactory, PolicyRequest

SecretValue: TypeAlias = Callable[[], Awaitable[SecretStr]]
"""Returns the secret, fetched when it is needed."""
_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})


class SecretError(RuntimeError):
    """A secret can't be read from AWS Secrets Manager; the message says which, and what to do."""


def secret_from_environment(variable: str, what: str, *, url: bool = False) -> SecretValue:
    """Return the secret in an environment variable; `what` is it in messages (`the Slack webhook's URL`).

    `url` says that it must be one that `is_safe_url` takes. Raises `ValueError` where it is unset or wrong.
    """
    text = os.environ.get(variable, "").strip()
    if not text:
        raise ValueError(f"the environment variable {variable} is not set; it must hold {what}")
    found = _checked(text, f"the environment variable {variable}", what, url=url)

    async def fetch() -> SecretStr:
        return found

    return fetch


def secret_from_manager(secret: str, client: ClientFactory, what: str, *, url: bool = False) -> SecretValue:
    """Return the text of a secret in AWS Secrets Manager, by its name or ARN, read once, when it is needed.

    Reading it raises `SecretError`, and `ValueError` where it holds nothing that will do.
    """
    # An ARN names the secret's Region; a name alone is of the SDK's default Region.
    region = secret.split(":")[3] if secret.startswith("arn:") and secret.count(":") > 3 else None
    kept: list[SecretStr] = []

    async def fetch() -> SecretStr:
        if not kept:
            async with client("secretsmanager", region=region) as manager:
                try:
                    response = await manager.get_secret_value(SecretId=secret)
                except Exception as error:
                    code = getattr(error, "response", {}).get("Error", {}).get("Code") or type(error).__name__
                    raise SecretError(
                        f"the secret {secret} with {what} can't be read: {code}; it must exist, and the run's"
                        " credentials need secretsmanager:GetSecretValue on it"
                    ) from error
            text = str(response.get("SecretString", "")).strip()
            kept.append(_checked(text, f"the secret {secret}", what, url=url))
        return kept[0]

    return fetch


def is_safe_url(text: str) -> bool:
    """Return whether it is an https URL; plain http, which shows everything to the network, is for this machine."""
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOCAL))


def secret_permissions(policy: PolicyRequest, sid: str, secrets: Iterable[str]) -> list[Mapping[str, Any]]:
    """Return the IAM statement to read these secrets, in the role that runs bulkprof, for `bulkprof_permissions`."""
    # AWS appends a hyphen and six random characters to a secret's ARN.
    here = f"arn:{policy.partition}:secretsmanager:*:{policy.account}:secret"
    resources = [name if name.startswith("arn:") else f"{here}:{name}-??????" for name in dict.fromkeys(secrets)]
    if not resources or policy.holder != "runner" or not policy.changes:
        return []
    return [{"Sid": sid, "Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": resources}]


def _checked(text: str, place: str, what: str, *, url: bool) -> SecretStr:
    if not text:
        raise ValueError(f"{place} is empty; it must hold {what}")
    if url and not is_safe_url(text):
        raise ValueError(f"{place} must hold an https URL: {what}")
    return SecretStr(text)
