"""An AWS that says yes to everything at next to no CPU: what the lean path is measured against.

`python -m tests.bench.server` serves on a free port of 127.0.0.1, prints it, and ends with its standard input. It
remembers nothing: lists are empty, every creation succeeds at once with an ARN of its own. With the argument `quiet`
every account has the `PROFILES` in every Region, tagged with `TAGS`.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from subprocess import PIPE, Popen

ACCOUNT = "123456789012"
MODEL = "amazon.nova-micro-v1:0"
PROFILES = ("team-search-prod", "team-support-prod", "team-billing-prod")
TAGS = {"Team": "platform", "CostCenter": "CC-4711", "Environment": "prod", "bulkprof:estate": "bench"}
_ROOT = Path(__file__).parents[2]
_XMLNS = b'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
_IDENTITY = (
    b"<GetCallerIdentityResponse %b><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/bench</Arn>"
    b"<UserId>U</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>" % _XMLNS
)
_ROLE = (
    b"<AssumeRoleResponse %b><AssumeRoleResult><Credentials><AccessKeyId>ASIA%%bAAAA</AccessKeyId>"
    b"<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>"
    b"<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>" % _XMLNS
)
"""The access key says whose it is, so that later answers can be that account's without anything being remembered."""
_ROLE_OF = re.compile(rb"RoleArn=arn%3Aaws%3Aiam%3A%3A(\d{12})")
_SIGNED_BY = re.compile(rb"Credential=(?:ASIA(\d{12})AAAA|\w+)/\d{8}/([a-z0-9-]+)/")
_MODELS = (
    b'{"modelSummaries":[{"modelId":"amazon.nova-micro-v1:0","modelArn":'
    b'"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0","inferenceTypesSupported":["ON_DEMAND"],'
    b'"modelLifecycle":{"status":"ACTIVE"}}]}'
)
_CREATED = (
    b'{"inferenceProfileArn":"arn:aws:bedrock:REGION:ACCOUNT:application-inference-profile/%012d","status":"ACTIVE"}'
)
_ARN = "arn:aws:bedrock:REGION:ACCOUNT:application-inference-profile/%012d"
_LISTED = json.dumps(
    {
        "inferenceProfileSummaries": [
            {
                "inferenceProfileName": name,
                "createdAt": "2026-11-01T00:00:00Z",
                "updatedAt": "2026-11-01T00:00:00Z",
                "inferenceProfileArn": _ARN % number,
                "models": [{"modelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{MODEL}"}],
                "inferenceProfileId": f"{number:012d}",
                "status": "ACTIVE",
                "type": "APPLICATION",
            }
            for number, name in enumerate(PROFILES, 1)
        ]
    }
).encode()
_TAGGED = json.dumps(
    {
        "PaginationToken": "",
        "ResourceTagMappingList": [
            {"ResourceARN": _ARN % number, "Tags": [{"Key": key, "Value": value} for key, value in TAGS.items()]}
            for number in range(1, len(PROFILES) + 1)
        ],
    }
).encode()
_HEAD = (
    b"HTTP/1.1 %b\r\nContent-Type: %b\r\nx-amzn-RequestId: 8f1f2c6e-0000-4000-8000-000000000000\r\n"
    b"Date: Mon, 23 Nov 2026 14:59:22 GMT\r\nContent-Length: %d\r\n\r\n"
)


class _Protocol(asyncio.Protocol):
    """One connection. Requests are taken apart just as far as telling them from each other needs."""

    made = count(1)
    quiet = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._waiting = b""

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while (end := self._waiting.find(b"\r\n\r\n")) >= 0:
            head = self._waiting[:end]
            at = head.lower().find(b"content-length:")
            size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._waiting) < end + 4 + size:
                return
            body = self._waiting[end + 4 : end + 4 + size]
            self._waiting = self._waiting[end + 4 + size :]
            self._transport.write(_answer(head, body))  # type: ignore[attr-defined]


def _answer(head: bytes, body: bytes) -> bytes:
    if head.startswith(b"POST /inference-profiles"):
        return _message(_of_target(_CREATED, head) % next(_Protocol.made), b"201 Created")
    if head.startswith(b"GET /inference-profiles"):
        there = _Protocol.quiet and b"APPLICATION" in head
        return _message(_of_target(_LISTED, head) if there else b'{"inferenceProfileSummaries":[]}')
    if head.startswith(b"GET /foundation-models"):
        return _message(_MODELS)
    if b"GetCallerIdentity" in body:
        return _message(_IDENTITY, kind=b"text/xml")
    if b"AssumeRole" in body:
        found = _ROLE_OF.search(body)
        return _message(_ROLE % (found[1] if found else ACCOUNT.encode()), kind=b"text/xml")
    if b"GetServiceQuota" in head:
        return _message(b'{"Quota":{"QuotaCode":"L-40EC9882","Value":1000000.0}}')
    return _message(_of_target(_TAGGED, head) if _Protocol.quiet else b'{"ResourceTagMappingList":[]}')


def _of_target(answer: bytes, head: bytes) -> bytes:
    """The answer as the account and Region have it that signed the call."""
    signed = _SIGNED_BY.search(head)
    assert signed is not None, head
    return answer.replace(b"ACCOUNT:", (signed[1] or ACCOUNT.encode()) + b":").replace(b"REGION", signed[2])


def _message(body: bytes, status: bytes = b"200 OK", kind: bytes = b"application/json") -> bytes:
    return _HEAD % (status, kind, len(body)) + body


@contextmanager
def serving(*, quiet: bool = False) -> Iterator[str]:
    """Run the server in a process of its own; returns its URL. `quiet`: with profiles in every target."""
    command = [sys.executable, "-m", "tests.bench.server", *(["quiet"] if quiet else [])]
    with Popen(command, stdin=PIPE, stdout=PIPE, cwd=_ROOT) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        port = int(process.stdout.readline())
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.stdin.close()
            process.wait()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Protocol, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()

    def wait_for_the_end() -> None:
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    await ended.wait()


if __name__ == "__main__":
    _Protocol.quiet = sys.argv[1:] == ["quiet"]
    try:
        import uvloop
    except ImportError:
        asyncio.run(_serve())
    else:
        uvloop.run(_serve())
