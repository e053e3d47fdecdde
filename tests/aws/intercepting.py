"""An intercepting HTTP proxy on 127.0.0.1, which opens TLS with certificates of its own authority."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import trustme


@cache
def authority() -> trustme.CA:
    """Return one authority for all tests: making keys takes long."""
    return trustme.CA()


@cache
def server_context(host: str) -> ssl.SSLContext:
    """Return a TLS context for a server, with a certificate for `host`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert(host).configure_cert(context)
    return context


def bundle(folder: Path) -> str:
    """Return the path of a file with the authority, for AWS_CA_BUNDLE."""
    path = folder / "authority.pem"
    authority().cert_pem.write_to_path(str(path))
    return str(path)


@dataclass
class Interceptor:
    """A proxy that records requests, and sends a response of its own or passes them on to an HTTP server, `backend`."""

    backend: int | None = None
    responses: dict[str, bytes] = field(default_factory=dict)
    """Whole responses, by a part of the host, the path or the body of their requests."""
    presents: str | None = None
    """The name in the certificate; None takes the host's own."""
    hosts: list[str] = field(default_factory=list)
    """The hosts of CONNECT requests."""
    received: bytes = b""
    """All bytes that were sent within TLS."""
    port: int = 0

    @property
    def url(self) -> str:
        """For HTTPS_PROXY."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection: a CONNECT, TLS, and the requests inside."""
        try:
            line = (await reader.readuntil(b"\r\n\r\n")).split(b" ")
            if line[0] != b"CONNECT":
                self.received += b" ".join(line)
                return
            host = line[1].decode().partition(":")[0]
            self.hosts.append(host)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await writer.drain()
            await writer.start_tls(server_context(self.presents or host))
            await self.within(host, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            # Clients that don't trust the certificate close the connection.
            return
        finally:
            writer.transport.abort()

    async def direct(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection that begins with TLS."""
        try:
            await self.within("localhost", reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.transport.abort()

    async def within(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send the known responses; from the first request without one, pass the connection on to the backend."""
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.lower().split(b"\r\n")
            length = next((line[15:] for line in lines if line.startswith(b"content-length:")), b"0")
            waits = b"expect: 100-continue" in lines
            body = b"" if waits else await reader.readexactly(int(length))
            self.received += head + body
            about = f"{host}{head.split(b' ', 2)[1].decode()} {body.decode()}"
            response = next((response for part, response in self.responses.items() if part in about), None)
            if response is None:
                await self._pass_on(head + body, reader, writer)
                return
            writer.write(response)
            await writer.drain()

    async def _pass_on(self, begun: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.backend)
        back_writer.write(begun)

        async def send() -> None:
            while data := await reader.read(65536):
                self.received += data
                back_writer.write(data)
            back_writer.close()

        sending = asyncio.create_task(send())
        try:
            while data := await back_reader.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            sending.cancel()
            back_writer.transport.abort()


def http_response(content: str, kind: str = "application/json") -> bytes:
    """Return a whole response."""
    body = content.encode()
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def running(interceptor: Interceptor, *, direct: bool = False) -> Iterator[Interceptor]:
    """Run it in a thread of its own. With `direct`, it is a TLS server instead of a proxy."""
    ready, done = threading.Event(), threading.Event()

    async def run() -> None:
        handler = interceptor.direct if direct else interceptor.serve
        tls = server_context(interceptor.presents or "localhost") if direct else None
        server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=tls)
        interceptor.port = server.sockets[0].getsockname()[1]
        ready.set()
        await asyncio.to_thread(done.wait)
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert ready.wait(30)
    try:
        yield interceptor
    finally:
        done.set()
        thread.join()
