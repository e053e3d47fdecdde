"""Clients that are kept for a later use, in another event loop: what workers do from share to share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from bulkprof.aws.credentials.keys import Grant, Keys, SharedCredentials
from bulkprof.aws.sdk import Clients, Sdk
from tests.aws import wire

ANSWER = b'{"modelSummaries":[]}'


class _Noting(BaseHTTPRequestHandler):
    """Answers, and notes what signed the request."""

    def do_GET(self) -> None:
        """Answer a call."""
        SIGNED.append(self.headers["Authorization"])
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


SIGNED: list[str] = []


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), _Noting) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_they_go_on_with_other_connections_and_keys(port: int) -> None:
    kept: Clients = {}

    async def share(key: str) -> object:
        async def own(_: Keys | None) -> Grant:
            return Grant(Keys(key, wire.SECRET, None))

        sdk = Sdk(wire.environment(port), timeout_s=5.0, kept=kept)
        calls = await sdk.client("bedrock", "us-east-1", SharedCredentials(own))
        assert await calls.call("list_foundation_models")
        await sdk.http.close()
        return calls.client

    SIGNED.clear()
    assert asyncio.run(share("AKIAONE")) is asyncio.run(share("AKIATWO"))
    assert ["AKIAONE/" in SIGNED[0], "AKIATWO/" in SIGNED[1], len(SIGNED)] == [True, True, 2]
