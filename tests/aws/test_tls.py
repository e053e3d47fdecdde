"""Every connection to AWS verifies certificates and their host names, also through a proxy that shows its own."""

from __future__ import annotations

import hashlib
import json
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore import credentials, tokens
from botocore.exceptions import ClientError, SSLError
from botocore.httpsession import create_urllib3_context, get_cert_path

from bulkprof.aws import AwsSessions
from bulkprof.aws.s3_folder import fetch_folder
from bulkprof.aws.s3_object import S3Object
from bulkprof.aws.transport.tls import tls_context
from bulkprof.config import Organization, Run
from bulkprof.errors import AwsError, ConfigError
from bulkprof.model import Target
from bulkprof.sandbox import Rate, Sandbox, SandboxSettings
from tests.aws.intercepting import Interceptor, bundle, http_response, running

CANARY = "canary"
OTHER = "222222222222"
KEYS = {
    "AWS_ACCESS_KEY_ID": f"AKIA{CANARY}",
    "AWS_SECRET_ACCESS_KEY": f"{CANARY}-secret",
    "AWS_SESSION_TOKEN": f"{CANARY}-session",
}
GRANTED = {"accessKeyId": "AKIAGRANTED", "secretAccessKey": "secret", "sessionToken": "token"}
START_URL = "https://example.com/start"
FAR = "2099-01-01T00:00:00Z"
XML = """<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{0}Result><Credentials>
<AccessKeyId>AKIAGRANTED</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></{0}Result></{0}Response>"""
MACHINE = json.dumps({"AccessKeyId": "AKIAGRANTED", "SecretAccessKey": "secret", "Token": "token", "Expiration": FAR,
                      "Code": "Success", "LastUpdated": FAR})  # fmt: skip

Going = Callable[[AwsSessions, Path], Awaitable[Any]]


@dataclass(frozen=True)
class Way:
    """A kind of call to AWS, and what passes the interceptor if it is trusted."""

    go: Going
    passes: str
    variables: dict[str, str] = field(default_factory=lambda: KEYS)
    files: dict[str, str] = field(default_factory=dict)
    responses: dict[str, bytes] = field(default_factory=dict)


@contextmanager
def missing(code: str) -> Iterator[None]:
    """Ignore an error response that says that the resource doesn't exist: the connection was made."""
    with suppress(ConfigError):
        try:
            yield
        except AwsError as error:
            if error.code != code:
                raise


async def own_account(sessions: AwsSessions, _: Path) -> None:
    assert await (await sessions.bedrock(Target("", "us-east-1"))).list_page() == ([], None)


async def other_account(sessions: AwsSessions, _: Path) -> None:
    assert await (await sessions.bedrock(Target(OTHER, "us-east-1"))).list_page() == ([], None)


async def identity(sessions: AwsSessions, _: Path) -> None:
    assert (await sessions.identity()).account == "123456789012"


async def organization(sessions: AwsSessions, _: Path) -> None:
    # The sandbox has no organization, and returns an error that says so.
    with missing("AWSOrganizationsNotInUseException"):
        await (await sessions.organization()).accounts()


async def lock(sessions: AwsSessions, _: Path) -> None:
    with missing("NoSuchBucket"):
        async with S3Object(sessions.client, "s3://example-bucket/lock") as stored:
            await stored.create(b"{}")


async def folder(sessions: AwsSessions, into: Path) -> None:
    with missing("NoSuchBucket"):
        await fetch_folder(sessions.client, "s3://example-bucket/manifests/", into)


async def plugin(sessions: AwsSessions, _: Path) -> None:
    async with sessions.client("secretsmanager") as manager:
        assert (await manager.list_secrets())["SecretList"] == []


def profile(text: str) -> dict[str, str]:
    return {"config": f"[profile test]\n{text}\n[profile source]\naws_access_key_id = AKIA{CANARY}\n"
                      f"aws_secret_access_key = {CANARY}-secret\n"}  # fmt: skip


def cached(name: str, **token: str) -> dict[str, str]:
    content = {"startUrl": START_URL, "region": "us-east-1", "accessToken": f"{CANARY}-sso", "expiresAt": FAR, **token}
    return {f"sso/{hashlib.sha1(name.encode()).hexdigest()}.json": json.dumps(content)}


AS_PROFILE = {"AWS_PROFILE": "test"}
SSO = f"sso_start_url = {START_URL}\nsso_region = us-east-1\n"
ROLE = "sso_account_id = 123456789012\nsso_role_name = test\n"
_ROLE_CREDENTIALS = {"roleCredentials": {**GRANTED, "expiration": 4_000_000_000_000}}
ROLE_KEYS = {"portal.sso.": http_response(json.dumps(_ROLE_CREDENTIALS))}
OIDC = {"oidc.": http_response(json.dumps({"accessToken": "renewed", "expiresIn": 28800, "tokenType": "Bearer"}))}
RENEWED = {
    "expiresAt": "2026-01-01T00:00:00Z",
    "clientId": "id",
    "clientSecret": f"{CANARY}-client",
    "refreshToken": f"{CANARY}-refresh",
    "registrationExpiresAt": FAR,
}
IMDS = "imds.example.com/latest/"
WAYS = {
    "own account": Way(own_account, "GET /inference-profiles"),
    "other account": Way(other_account, f"arn%3Aaws%3Aiam%3A%3A{OTHER}%3Arole%2Fr"),
    "identity": Way(identity, "GetCallerIdentity"),
    "organization": Way(organization, "AWSOrganizationsV20161128.ListAccounts"),
    "lock": Way(lock, "if-none-match: *"),
    "folder": Way(folder, "prefix=manifests"),
    "plugin": Way(plugin, "secretsmanager.ListSecrets"),
    "a profile's role": Way(
        identity,
        "Action=AssumeRole&",
        AS_PROFILE,
        profile("role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = source"),
    ),
    "web identity": Way(
        identity,
        f"{CANARY}-identity",
        {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "identity"},
        {"identity": f"{CANARY}-identity"},
        {"Action=AssumeRoleWithWebIdentity": http_response(XML.format("AssumeRoleWithWebIdentity"), "text/xml")},
    ),
    "sso": Way(identity, f"{CANARY}-sso", AS_PROFILE, {**profile(SSO + ROLE), **cached(START_URL)}, ROLE_KEYS),
    "sso session": Way(
        identity,
        f"{CANARY}-refresh",
        AS_PROFILE,
        {**profile(f"sso_session = s\n{ROLE}\n[sso-session s]\n{SSO}"), **cached("s", **RENEWED)},
        ROLE_KEYS | OIDC,
    ),
    "instance": Way(
        identity,
        "/latest/meta-data/iam/security-credentials/",
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "https://imds.example.com/", "AWS_EC2_METADATA_DISABLED": "false"},
        {},
        {
            f"{IMDS}api/token": http_response(f"{CANARY}-imds", "text/plain"),
            f"{IMDS}meta-data/iam/security-credentials/role": http_response(MACHINE),
            f"{IMDS}meta-data/iam/security-credentials/": http_response("role", "text/plain"),
        },
    ),
}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take out the machine's own settings."""
    for name in os.environ:
        if name.startswith("AWS_") or name.lower().endswith(("_proxy", "_bundle")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    # Refused once is refused: the SDK would try again for seconds.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for provider in (credentials.SSOProvider, tokens.SSOTokenProvider):
        monkeypatch.setattr(provider, "_SSO_TOKEN_CACHE_DIR", str(tmp_path / "sso"))


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Way], None]:
    def prepare(way: Way) -> None:
        monkeypatch.chdir(tmp_path)
        for name, value in way.variables.items():
            monkeypatch.setenv(name, value)
        for name, text in way.files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)

    return prepare


@asynccontextmanager
async def entered() -> AsyncIterator[AwsSessions]:
    async with AwsSessions(Organization(role="r"), Run(timeout_s=10)) as sessions:
        yield sessions


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("flaw", ["an unknown authority", "another host's name", "an empty AWS_CA_BUNDLE"])
async def test_nothing_passes_an_interceptor(
    prepared: Callable[[Way], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, flaw: str
) -> None:
    way = WAYS[name]
    prepared(way)
    if flaw != "an unknown authority":
        monkeypatch.setenv("AWS_CA_BUNDLE", bundle(tmp_path) if flaw == "another host's name" else "")
    presents = "elsewhere.example.com" if flaw == "another host's name" else None
    with running(Interceptor(responses=way.responses, presents=presents)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with entered() as sessions:
            with pytest.raises((AwsError, SSLError)) as caught:
                await way.go(sessions, tmp_path)
    assert proxy.hosts
    assert proxy.received == b""
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("name", WAYS)
async def test_a_proxy_whose_authority_is_trusted_is_served(
    prepared: Callable[[Way], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    way = WAYS[name]
    prepared(way)
    monkeypatch.setenv("AWS_CA_BUNDLE", bundle(tmp_path))
    with (
        Sandbox(SandboxSettings(rate=Rate(10_000, 10_000))) as sandbox,
        running(Interceptor(int(sandbox.url.rpartition(":")[2]), way.responses)) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with entered() as sessions:
            await way.go(sessions, tmp_path)
    assert way.passes.lower() in proxy.received.decode("latin-1").lower()


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect"])
@pytest.mark.parametrize("name", WAYS)
async def test_no_redirect_is_followed(
    prepared: Callable[[Way], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, status: str
) -> None:
    """The host that a login page redirects to would get the request's tokens."""
    way = WAYS[name]
    prepared(way)
    monkeypatch.setenv("AWS_CA_BUNDLE", bundle(tmp_path))
    away = f"HTTP/1.1 {status}\r\nLocation: https://login.example.com/\r\nContent-Length: 0\r\n\r\n".encode()
    with running(Interceptor(responses={"": away})) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with entered() as sessions:
            with pytest.raises((AwsError, ClientError)) as caught:
                await way.go(sessions, tmp_path)
    assert proxy.hosts
    assert "login.example.com" not in proxy.hosts
    assert CANARY not in str(caught.value)


CONTAINER = Way(identity, "", {"AWS_CONTAINER_AUTHORIZATION_TOKEN": f"{CANARY}-container"}, {},
                {"localhost/keys": http_response(MACHINE)})  # fmt: skip


@pytest.mark.parametrize("presents", ["localhost", "elsewhere.example.com"])
@pytest.mark.parametrize("trusted", [True, False])
async def test_a_containers_source_of_keys_is_looked_at(
    prepared: Callable[[Way], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, presents: str, trusted: bool
) -> None:
    """It is asked without a proxy."""
    prepared(CONTAINER)
    if trusted:
        monkeypatch.setenv("AWS_CA_BUNDLE", bundle(tmp_path))
    with running(Interceptor(responses=CONTAINER.responses, presents=presents), direct=True) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"https://localhost:{server.port}/keys")
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        async with entered() as sessions:
            with pytest.raises(AwsError):
                await sessions.identity()
    assert (f"{CANARY}-container" in server.received.decode()) == (trusted and presents == "localhost")


def test_the_context_trusts_whom_the_sdks_trusts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own default has grown stricter than the SDK's with 3.13; here, an earlier one plays a later one."""
    make = ssl.create_default_context

    def stricter(*arguments: Any, **more: Any) -> ssl.SSLContext:
        context = make(*arguments, **more)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", stricter)
    sdks, ours = create_urllib3_context(), tls_context(True)
    sdks.load_verify_locations(get_cert_path(True))
    assert ours.verify_flags == sdks.verify_flags
    assert not ours.verify_flags & ssl.VERIFY_X509_STRICT
    assert (ours.options, ours.minimum_version) == (sdks.options, sdks.minimum_version)
    assert ours.get_ca_certs() == sdks.get_ca_certs()
    assert (ours.verify_mode, ours.check_hostname) == (ssl.CERT_REQUIRED, True)
