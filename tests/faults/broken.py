"""Broken surroundings, each with what has to be said of it: credentials, settings, TLS, proxies, the lock in S3."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.cli.driver import CONFIG

SECRET = "canary-secret"
KEYS = f"aws_access_key_id = AKIACANARY\naws_secret_access_key = {SECRET}\n"
ROLE = "[profile p]\nrole_arn = arn:aws:iam::111122223333:role/example\n"
SSO = (
    "[profile p]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = example\n"
    "[sso-session corp]\nsso_start_url = https://example.com/start\nsso_region = us-east-1\n"
)
TOKEN_CACHE = f".aws/sso/cache/{hashlib.sha1(b'corp').hexdigest()}.json"
WEB = {"AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/example", "AWS_WEB_IDENTITY_TOKEN_FILE": "{folder}/token"}
CONTAINER = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
HTTPS = {"AWS_ENDPOINT_URL": "https://127.0.0.1:9"}
HTML = b"<html><head><title>Sign in</title></head><body>Sign in</body></html>"
XHTML = b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body><p>Sign in</p></body></html>'
NO_PROXY = {"NO_PROXY": ""}


@dataclass(frozen=True)
class Broken:
    """What is wrong, and what is said about it."""

    said: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    config: str | bytes | None = None
    """AWS's config file; with one, there are no keys in the environment."""
    credentials: str | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    answer: tuple[str, int, bytes] | None = None
    """The variable that names a server which gives this status and body to everything."""
    toml: str | bytes = CONFIG
    arguments: tuple[str, ...] = ("plan", "teams.csv")
    code: int = 1


def program(command: str, *said: str) -> Broken:
    return Broken(("the profile's credential_process", *said), config=f"[default]\ncredential_process = {command}\n")


def printing(text: str, *said: str) -> Broken:
    return program(f"echo '{text}'", *said)


def sso(cache: bytes | None, *said: str) -> Broken:
    files = {} if cache is None else {TOKEN_CACHE: cache}
    return Broken(("IAM Identity Center", "aws sso login", *said), {"AWS_PROFILE": "p"}, config=SSO, files=files)


def web(said: str, token: bytes | None = None, **env: str) -> Broken:
    files = {} if token is None else {"token": token}
    return Broken(("AWS_WEB_IDENTITY_TOKEN_FILE", said), {**WEB, **env}, config="", files=files)


def key(said: str, **env: str) -> Broken:
    return Broken(("of the environment", said), env)


def bundle(path: str, said: str) -> Broken:
    return Broken(("AWS_CA_BUNDLE", said), {**HTTPS, "AWS_CA_BUNDLE": path}, files={"empty": b"", "garbage": b"hello"})


def endpoint(url: str, said: str = "AWS_ENDPOINT_URL") -> Broken:
    return Broken((said,), {"AWS_ENDPOINT_URL": url})


def sts(status: int, body: bytes, *said: str) -> Broken:
    return Broken(("GetCallerIdentity", *said), answer=("AWS_ENDPOINT_URL", status, body))


def lock(said: str, *, answer: tuple[str, int, bytes] | None = None, **env: str) -> Broken:
    toml = f'{CONFIG}\n[lock]\ns3 = "s3://example-bucket/lock"\n'
    return Broken((said,), env, answer=answer, toml=toml, arguments=("apply", "teams.csv", "--yes"))


def container(status: int, body: bytes, said: str) -> Broken:
    return Broken(("of the container", said), config="", answer=(CONTAINER, status, body))


def setting(name: str, said: str, value: str = "nonsense") -> Broken:
    return Broken((said,), {name: value})


OLD = '{"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "%s"}'
BREAKAGES: dict[str, Broken] = {
    "program that is missing": program("/nowhere/helper", "can't be started: No such file"),
    "program that is a folder": program("/", "can't be started: Permission denied"),
    "program without a word": program('""', "can't be started"),
    "program with an open quote": program("sh -c 'echo", "can't be read"),
    "program that fails": program("sh -c 'echo no luck >&2; exit 3'", "'sh'", "ended with exit status 3"),
    "program that prints text": printing("hello", "is not JSON"),
    "program that prints half of it": printing('{"Version": 1', "is not JSON"),
    "program that prints a list": printing("[]", "no JSON object"),
    "program that prints null": printing("null", "no JSON object"),
    "program of another version": printing('{"Version": 2}', "Unsupported version '2'"),
    "program without a key": printing('{"Version": 1, "AccessKeyId": "A"}', "SecretAccessKey"),
    "program with a number": printing('{"Version": 1, "AccessKeyId": 5, "SecretAccessKey": "s"}', "is no text"),
    "program with no secret": printing('{"Version": 1, "AccessKeyId": "A", "SecretAccessKey": null}', "is missing"),
    "program with a bad date": printing(OLD % "soon", "Expiration"),
    "program without a time zone": printing(OLD % "2099-01-01T00:00:00", "time zone"),
    "program with old keys": printing(OLD % "2020-01-01T00:00:00Z", "have run out already"),
    "program that prints without end": program("yes", "more than 1 MiB"),
    "program that complains without end": program("sh -c 'yes >&2 & sleep 1; kill $!; exit 3'", "exit status 3"),
    "program that prints no text": program(r"printf '\377\376'", "not UTF-8"),
    "SSO without a cache": sso(None),
    "SSO with a corrupt cache": sso(b"{bad"),
    "SSO with a list as cache": sso(b"[]"),
    "SSO with an old token": sso(b'{"accessToken": "t", "expiresAt": "2020-01-01T00:00:00Z"}'),
    "SSO with a token without a date": sso(b'{"accessToken": "t", "expiresAt": "whenever"}'),
    "SSO that is half set up": Broken(
        ("sso_role_name",), {"AWS_PROFILE": "p"}, config="[profile p]\nsso_account_id = 1\nsso_start_url = x\n"
    ),
    "web identity without a file": web("No such file"),
    "web identity in a folder": web("Is a directory", AWS_WEB_IDENTITY_TOKEN_FILE="/"),
    "web identity that is no text": web("not UTF-8", b"\xff\xfe"),
    "web identity that is empty": web("WebIdentityToken", b""),
    "role that has no source": Broken(("source_profile",), {"AWS_PROFILE": "p"}, config=ROLE),
    "role of a profile that is gone": Broken(
        ('"q"', "does not exist"), {"AWS_PROFILE": "p"}, config=f"{ROLE}source_profile = q\n"
    ),
    "role that is none": Broken(
        ("the profile's role_arn", "RoleArn"),
        {"AWS_PROFILE": "p"},
        config=f"[profile p]\nrole_arn = hello\nsource_profile = q\n[profile q]\n{KEYS}",
    ),
    "role through itself": Broken(
        ("Infinite loop",),
        {"AWS_PROFILE": "p"},
        config=f"{ROLE}source_profile = q\n{ROLE.replace('profile p', 'profile q')}source_profile = p\n",
    ),
    "access key with CR": key("line break", AWS_ACCESS_KEY_ID="AKIACANARY\r"),
    "access key with LF": key("line break", AWS_ACCESS_KEY_ID="AKIA\nCANARY"),
    "access key that isn't ASCII": key("isn't ASCII", AWS_ACCESS_KEY_ID="AKIÄCANARY"),
    "secret key with LF": key("line break", AWS_SECRET_ACCESS_KEY=f"{SECRET}\n"),
    "session token with LF": key("line break", AWS_SESSION_TOKEN=f"{SECRET}\n"),
    "access key without a secret": Broken(("AWS_SECRET_ACCESS_KEY",), {"AWS_ACCESS_KEY_ID": "A"}, config=""),
    "half of a credentials file": Broken(("aws_secret_access_key",), credentials="[default]\naws_access_key_id = A\n"),
    "container that answers HTML": container(200, HTML, "JSON"),
    "container that refuses with keys in its answer": container(400, f"no, {SECRET} is no key".encode(), "non 200"),
    "container whose answer is half": container(200, f'{{"SecretAccessKey": "{SECRET}"'.encode(), "JSON"),
    "container that answers a list": container(200, b"[]", CONTAINER),
    "container that answers nothing": container(200, b"{}", CONTAINER),
    "container elsewhere": Broken((CONTAINER,), {CONTAINER: "http://example.com/keys"}, config=""),
    "container with a token that is gone": Broken(
        ("No such file",),
        {CONTAINER: "http://127.0.0.1:9/", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nowhere"},
        config="",
    ),
    "container with a token of two lines": Broken(
        (CONTAINER,),
        {CONTAINER: "http://127.0.0.1:9/", "AWS_CONTAINER_AUTHORIZATION_TOKEN": f"{SECRET}\n{SECRET}"},
        config="",
    ),
    "metadata service that is a login page": Broken(
        ("no AWS credentials were found",),
        {"AWS_EC2_METADATA_DISABLED": "false"},
        config="",
        answer=("AWS_EC2_METADATA_SERVICE_ENDPOINT", 302, b""),
    ),
    "metadata service that answers HTML": Broken(
        ("no AWS credentials were found",),
        {"AWS_EC2_METADATA_DISABLED": "false"},
        config="",
        answer=("AWS_EC2_METADATA_SERVICE_ENDPOINT", 404, HTML),
    ),
    "metadata service with a bad timeout": Broken(
        ("metadata service", "ValueError"), {"AWS_METADATA_SERVICE_TIMEOUT": "x"}, config=""
    ),
    "metadata service of a bad mode": Broken(("mode",), {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "x"}, config=""),
    "bundle that is missing": bundle("/nowhere/ca.pem", "No such file"),
    "bundle that is a folder": bundle("/", "is a folder"),
    "bundle that is empty": bundle("{folder}/empty", "no certificate"),
    "bundle that is garbage": bundle("{folder}/garbage", "no certificate"),
    "endpoint without a scheme": endpoint("127.0.0.1:5000"),
    "endpoint of another scheme": endpoint("ftp://example.com"),
    "endpoint without a host": endpoint("http://"),
    "endpoint with half an address": endpoint("http://[::1"),
    "endpoint with a bad port": endpoint("http://127.0.0.1:99999"),
    "endpoint with a blank": endpoint("http://a b/"),
    "endpoint with a password": endpoint(f"http://user:{SECRET}@127.0.0.1", "user name or password"),
    "endpoint with a password and no port": endpoint(f"http://user:{SECRET}@127.0.0.1:x"),
    "endpoint with a password for one service": Broken(
        ("user name or password",), {"AWS_ENDPOINT_URL_BEDROCK": f"http://user:{SECRET}@127.0.0.1"}
    ),
    "endpoint with a fragment": endpoint(f"http://127.0.0.1:9/#{SECRET}"),
    "lock at an endpoint with a password": lock(
        "user name or password", AWS_ENDPOINT_URL_S3=f"http://user:{SECRET}@127.0.0.1"
    ),
    "lock at an endpoint without a scheme": lock("AWS_ENDPOINT_URL", AWS_ENDPOINT_URL_S3="127.0.0.1:5000"),
    "lock at an endpoint with a bad port": lock("AWS_ENDPOINT_URL", AWS_ENDPOINT_URL_S3="http://127.0.0.1:99999"),
    "lock with a bundle that is missing": lock(
        "AWS_CA_BUNDLE", AWS_ENDPOINT_URL_S3="https://127.0.0.1:9", AWS_CA_BUNDLE="/nowhere/ca.pem"
    ),
    "lock behind a login page": lock(
        "redirect to login.example.com (HTTP 302)", answer=("AWS_ENDPOINT_URL_S3", 302, b"")
    ),
    "lock behind a page of another": lock("login page", answer=("AWS_ENDPOINT_URL_S3", 200, XHTML)),
    "lock in a network that wants a login": lock("login page", answer=("AWS_ENDPOINT_URL_S3", 511, HTML)),
    "lock that somebody else doesn't find": lock("HTTP 404", answer=("AWS_ENDPOINT_URL_S3", 404, HTML)),
    "lock behind a proxy that wants a password": lock(
        "proxy asks for a user name and password (HTTP 407)",
        answer=("HTTPS_PROXY", 407, b""),
        AWS_ENDPOINT_URL_S3="https://example.com",
        **NO_PROXY,
    ),
    "lock behind a proxy that refuses": lock(
        "proxy refused to connect (HTTP 403)",
        answer=("HTTPS_PROXY", 403, b""),
        AWS_ENDPOINT_URL_S3="https://example.com",
        **NO_PROXY,
    ),
    "STS that answers HTML": sts(200, HTML, "login page"),
    "STS that answers XHTML": sts(200, XHTML, "login page"),
    "STS that answers nothing": sts(200, b"", "login page"),
    "STS that answers empty XML": sts(200, b"<?xml version='1.0'?>", "login page"),
    "STS that answers another element": sts(200, b"<a/>", "login page"),
    "STS that refuses in HTML": sts(403, HTML, "HTTP 403"),
    "STS that refuses without a word": sts(400, b"", "HTTP 400"),
    "login page": sts(302, b"", "redirect to login.example.com (HTTP 302)", "login pages"),
    "network that wants a login": sts(511, HTML, "login page of this network", "HTTP 511"),
    "proxy that wants a password": sts(407, b"", "proxy asks for a user name and password (HTTP 407)", "HTTPS_PROXY"),
    "proxy that wants a password for TLS": Broken(
        ("proxy asks for a user name and password (HTTP 407)",),
        {"AWS_ENDPOINT_URL": "https://example.com", **NO_PROXY},
        answer=("HTTPS_PROXY", 407, b""),
    ),
    "proxy that refuses": Broken(
        ("proxy refused to connect (HTTP 403)",),
        {"AWS_ENDPOINT_URL": "https://example.com", **NO_PROXY},
        answer=("HTTPS_PROXY", 403, b""),
    ),
    "proxy that is no URL": Broken(
        ("proxy", "HTTPS_PROXY"),
        {"AWS_ENDPOINT_URL": "https://example.com", "HTTPS_PROXY": f"http://user:{SECRET}@127.0.0.1:x", **NO_PROXY},
    ),
    "app id of two lines": setting("AWS_SDK_UA_APP_ID", "AWS_SDK_UA_APP_ID", "my\napp"),
    "unknown profile": setting("AWS_PROFILE", "aws configure list-profiles"),
    "config that is none": Broken(("Unable to parse config file",), config="hello\n[def"),
    "config that is no text": Broken(("Unable to parse config file",), config=b"\xff\xfe[default]\n"),
    "credentials that are none": Broken(("Unable to parse config file",), credentials="hello\n"),
    "Region with blanks": setting("AWS_REGION", "AWS_REGION", "us east 1"),
    "Region with LF": setting("AWS_REGION", "AWS_REGION", "us-east-1\n"),
    "Region that begins with a dash": setting("AWS_REGION", "check the Region's name", "-east-1"),
    "defaults mode": setting("AWS_DEFAULTS_MODE", "invalid defaults mode"),
    "Region of STS": setting("AWS_STS_REGIONAL_ENDPOINTS", "STS regional endpoints"),
    "checksums": setting("AWS_REQUEST_CHECKSUM_CALCULATION", "request_checksum_calculation"),
    "account mode": setting("AWS_ACCOUNT_ID_ENDPOINT_MODE", "account_id_endpoint_mode"),
    "smallest body to compress": setting("AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES", "min_compression_size"),
    "bulkprof.toml in UTF-16": Broken(("bulkprof.toml: is UTF-16", "save it as UTF-8"), toml=CONFIG.encode("utf-16")),
    "bulkprof.toml that is no text": Broken(("is not UTF-8 (byte 1)",), toml=b"\xe9 = 1\n"),
    "name that is no text": Broken(
        (r"b\xff.csv", "rename"), arguments=("validate", os.fsdecode(b"b\xff.csv")), code=64
    ),
    "name of a folder that is no text": Broken(
        (r"s\xff", "rename"), arguments=("plan", "teams.csv", "--state-dir", os.fsdecode(b"s\xff")), code=64
    ),
}
