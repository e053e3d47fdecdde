"""Secrets of plugins: where they come from, which URLs are safe, and what reading them needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bulkprof.plugins import PolicyRequest, is_safe_url, secret_from_environment, secret_from_manager
from bulkprof.plugins import secret_permissions as permissions

RUNNER = PolicyRequest("runner", "aws", "111122223333", changes=True)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("https://example.com/x", True),
        ("http://localhost:8080/x", True),
        ("http://127.0.0.1/x", True),
        ("http://[::1]:8080/", True),
        ("http://example.com/x", False),
        ("http://localhost.example.com/", False),
        ("https:///x", False),
        ("ftp://localhost/x", False),
        ("https://[x", False),
        ("x", False),
    ],
)
def test_only_https_is_safe_but_on_this_machine(text: str, safe: bool) -> None:
    assert is_safe_url(text) is safe


async def test_a_variable_holds_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", " canary\n")
    value = await secret_from_environment("KEY", "the key")()
    assert value.get_secret_value() == "canary"
    assert "canary" not in repr(value)


@pytest.mark.parametrize("text", [None, "", "  "])
def test_an_unset_variable_is_named(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    monkeypatch.delenv("KEY", raising=False)
    if text is not None:
        monkeypatch.setenv("KEY", text)
    with pytest.raises(ValueError, match="the environment variable KEY is not set; it must hold the key"):
        secret_from_environment("KEY", "the key")


async def test_a_secret_is_read_once_when_it_is_needed() -> None:
    read: list[Any] = []

    @asynccontextmanager
    async def client(service: str, *, region: str | None = None, account: str | None = None) -> AsyncIterator[Any]:
        class Manager:
            async def get_secret_value(self, **arguments: str) -> dict[str, str]:
                read.append(arguments)
                return {"SecretString": "canary" if len(read) > 1 else ""}

        yield Manager()

    value = secret_from_manager("keys/one", client, "the key")
    assert read == []
    with pytest.raises(ValueError, match="the secret keys/one is empty; it must hold the key"):
        await value()
    assert [(await value()).get_secret_value() for _ in range(2)] == ["canary", "canary"]
    assert read == [{"SecretId": "keys/one"}] * 2


def test_reading_needs_one_permission_for_all() -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:two-AbCdEf"
    (statement,) = permissions(RUNNER, "ReadIt", ["keys/one", arn, "keys/one"])
    assert statement == {
        "Sid": "ReadIt",
        "Effect": "Allow",
        "Action": ["secretsmanager:GetSecretValue"],
        "Resource": ["arn:aws:secretsmanager:*:111122223333:secret:keys/one-??????", arn],
    }


@pytest.mark.parametrize(
    ("policy", "secrets"),
    [
        (RUNNER, []),
        (PolicyRequest("member", "aws", "*", changes=True), ["one"]),
        (PolicyRequest("runner", "aws", "*", changes=False), ["one"]),
    ],
)
def test_who_reads_none_needs_none(policy: PolicyRequest, secrets: list[str]) -> None:
    assert permissions(policy, "ReadIt", secrets) == []
