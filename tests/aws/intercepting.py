"""A man in the middle: an HTTP proxy on 127.0.0.1 that opens TLS with certificates of its own authority."""

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
    """One for all tests: making keys takes long."""
    return trustme.CA()


@cache
def opening(host: str) -> ssl.SSLContext:
    """The server's side of TLS, with a certificate for `host`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert(host).configure_cert(context)
    return context


def bundle(folder: Path) -> str:
    """A file with the authority, as AWS_CA_BUNDLE names one."""
    path = folder / "authority.pem"
    authority().cert_pem.write_to_path(str(path))
    return str(path)


@dataclass
class Interceptor:
    """What came by, and where it goes: to the plain HTTP server at `backend`, or to an answer of its own."""

    backend: int | None = None
    answers: dict[str, bytes] = field(default_factory=dict)
    """Whole answers, by what the first line's address or the body holds."""
    presents: str | None = None
    """The name in the certificate; None takes the host's own."""
    asked: list[str] = field(default_factory=list)
    """Hosts that somebody wished to be connected to."""
    heard: bytes = b""
    """All that was sent to be read by the host alone."""
    port: int = 0

    @property
    def url(self) -> str:
        """For HTTPS_PROXY."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Treat one connection: a CONNECT, TLS, and then what is inside."""
        try:
            line = (await reader.readuntil(b"\r\n\r\n")).split(b" ")
            if line[0] != b"CONNECT":
                self.heard += b" ".join(line)
                return
            host = line[1].decode().partition(":")[0]
            self.asked.append(host)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await writer.drain()
            await writer.start_tls(opening(self.presents or host))
            await self.within(host, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            # Whoever doesn't trust us leaves.
            return
        finally:
            writer.transport.abort()

    async def direct(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Treat one connection that has begun with TLS."""
        try:
            await self.within("localhost", reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.transport.abort()

    async def within(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what is known; from the first request on that isn't, the backend has the connection."""
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.lower().split(b"\r\n")
            length = next((line[15:] for line in lines if line.startswith(b"content-length:")), b"0")
            waits = b"expect: 100-continue" in lines
            body = b"" if waits else await reader.readexactly(int(length))
            self.heard += head + body
            about = f"{host}{head.split(b' ', 2)[1].decode()} {body.decode()}"
            answer = next((answer for part, answer in self.answers.items() if part in about), None)
            if answer is None:
                await self._pass_on(head + body, reader, writer)
                return
            writer.write(answer)
            await writer.drain()

    async def _pass_on(self, begun: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.backend)
        back_writer.write(begun)

        async def there() -> None:
            while data := await reader.read(65536):
                self.heard += data
                back_writer.write(data)
            back_writer.close()

        sending = asyncio.create_task(there())
        try:
            while data := await back_reader.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            sending.cancel()
            back_writer.transport.abort()


def saying(content: str, kind: str = "application/json") -> bytes:
    """A whole answer."""
    body = content.encode()
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def between(interceptor: Interceptor, *, direct: bool = False) -> Iterator[Interceptor]:
    """Run it in a thread of its own; `direct` begins with TLS, as a server of its own."""
    ready, done = threading.Event(), threading.Event()

    async def run() -> None:
        handler = interceptor.direct if direct else interceptor.serve
        tls = opening(interceptor.presents or "localhost") if direct else None
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
