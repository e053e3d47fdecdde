"""HTTP/1.1 on 127.0.0.1: one thread with an event loop, kept-alive connections, responses in one packet."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

from bulkprof.sandbox.wire import Call, Reply

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.http_parser import RawRequestMessage
    from aiohttp.streams import StreamReader
    from aiohttp.web_protocol import RequestHandler

HOST: Final = "127.0.0.1"
_STOP_S: Final = 0.2
"""How long `stop` waits for calls in flight, before it closes their connections."""
_KEEP_ALIVE_S: Final = 600


Handler = Callable[[Call], Awaitable[Reply]]
"""Handles one call."""


class HttpServer:
    """Serves a handler from its own thread."""

    def __init__(self, handler: Handler, port: int) -> None:
        self._handler = handler
        self._wanted_port = port
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    def start(self) -> int:
        """Start serving and return the port. Raises OSError when it is taken."""
        ready: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="bulkprof-sandbox", daemon=True)
        self._thread.start()
        return ready.result()

    def stop(self) -> None:
        """End all connections and the thread; may be called twice."""
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join()
        self._loop = self._stop = self._thread = None

    def _run(self, ready: Future[int]) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as error:  # noqa: BLE001 - start() raises it, whatever it is
            if not ready.done():
                ready.set_exception(error)

    async def _serve(self, ready: Future[int]) -> None:
        from aiohttp import web

        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = web.Server(
            self._handle,
            request_factory=self._make_request,
            access_log=None,
            # S3 stores the bytes that it is sent: a gzip body stays gzip.
            auto_decompress=False,
            keepalive_timeout=_KEEP_ALIVE_S,
        )
        runner = web.ServerRunner(server, shutdown_timeout=_STOP_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, self._wanted_port, backlog=1024).start()
            ready.set_result(runner.addresses[0][1])
            await self._stop.wait()
        finally:
            await runner.cleanup()

    def _make_request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        from aiohttp import web

        loop = asyncio.get_running_loop()
        # No limit on the body: clients are on this machine, and S3 objects are big.
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=0)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        from aiohttp import web

        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        path, _, query = request.raw_path.partition("?")
        call = Call(
            method=request.method,
            path=path,
            query_string=query,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read() if request.can_read_body else b"",
        )
        reply = await self._handler(call)
        if reply.response is None or reply.cut == "now":
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        response = reply.response
        if reply.cut == "in body":
            partial = web.StreamResponse(status=response.status, headers=response.headers)
            partial.content_length = len(response.body)
            await partial.prepare(request)
            await partial.write(response.body[: len(response.body) // 2])
            if request.transport is not None:
                request.transport.close()
            return partial
        return web.Response(status=response.status, body=response.body, headers=response.headers)
