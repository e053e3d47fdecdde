"""A server of raw bytes on 127.0.0.1, which can cut, truncate, stall and refuse, unlike a well-behaved one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bulkprof.aws import AwsSessions, BedrockApi
from bulkprof.config import Organization, Run
from bulkprof.model import Target

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SOURCE = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl"
SECRET = "canary-secret-key"
TOKEN = "canary-session-token"
PORTAL = b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body><p>Sign in</p></body></html>'


def environment(port: int, **more: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "AKIACANARY",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_REGION": "us-east-1",
        **more,
    }


def response(status: int, body: bytes = b"", *, length: int | None = None, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def saying(data: bytes, *, then_close: bool = False) -> Handler:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(data)
        await writer.drain()
        if then_close:
            writer.close()

    return respond


async def cutting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request(reader)
    writer.close()


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request(reader)
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    writer.transport.abort()


async def stalling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request(reader)
    # Until the client closes the connection.
    await reader.read()
    writer.close()


async def request(reader: asyncio.StreamReader) -> bytes:
    """Return one whole request."""
    head = await reader.readuntil(b"\r\n\r\n")
    body = b""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            body = await reader.readexactly(int(line.split(b":")[1]))
    return head + body


def headers(request: bytes) -> dict[str, str]:
    """Return a request's headers, by their names in lower case."""
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    """Run a server that handles every connection with `handler`; yields its port."""
    writers: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
            try:
                await writer.wait_closed()
            except ConnectionError:
                continue
        await server.wait_closed()


@asynccontextmanager
async def api_at(port: int, *, timeout_s: float = 5.0, **more: str) -> AsyncIterator[BedrockApi]:
    run = Run(timeout_s=timeout_s)
    async with AwsSessions(Organization(), run, environment=environment(port, **more)) as sessions:
        yield await sessions.bedrock(Target("", "us-east-1"))


async def create(api: BedrockApi) -> str:
    return await api.create(name="team-a", source_arn=SOURCE, description=None, tags={"team": "a"}, token="t1")
