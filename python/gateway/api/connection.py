"""One client's connection: what is whole is answered at once, what is not is read by aiohttp."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Protocol, cast

from aiohttp import web

from gateway import native
from gateway.api import wire
from gateway.api.eager import Started
from gateway.api.request import Arriving, Request, ServerOptions, Whole
from gateway.errors import GatewayError, InvalidRequest

log = logging.getLogger(__name__)

MOST_HELD = 64 << 10
"""Bytes that may wait behind what is being answered or sent, before the socket is not read any more."""
AT_ONCE = 32
"""Requests sent ahead that are answered in one turn of the loop, before others have theirs."""
_SILENT = logging.Logger("silent", logging.CRITICAL + 1)


class Host(Protocol):
    """The server, as a connection knows it."""

    options: ServerOptions

    def serve(self, request: Request) -> Coroutine[Any, Any, wire.Reply]: ...


class Connection(web.RequestHandler):
    """Reads requests in the plain form by itself (`native.Request`): one that needs not wait, such as a hit, is answered in
    the network callback, without a task or a turn of the loop; any other in a task of its own.

    The first that is in another form makes the connection aiohttp's, for good. `since` is when it began to wait for what it
    waits for, on the loop's clock.
    """

    __slots__ = ("_blocked_since", "_held", "_host", "_plain", "_served", "_socket", "_task", "since")

    def __init__(self, server: web.Server, host: Host, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=host.options.keepalive,
            access_log=_SILENT,
            lingering_time=1.0,
            auto_decompress=False,
        )
        self._host = host
        self._plain = True
        self._served = False
        self._held = b""
        self._task: asyncio.Task[None] | None = None
        self._blocked_since: float | None = None
        self.since = loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._socket = cast(asyncio.Transport, transport)
        self.keep_alive(True)  # takes back aiohttp's timer: `sweep` does its work until aiohttp reads

    def data_received(self, data: bytes) -> None:
        if not self._plain:
            super().data_received(data)
            return
        if self._held:
            self._held += data
        else:
            self._held = data
            self.since = self._loop.time()
        self._answer()
        if len(self._held) > MOST_HELD and self.transport is not None:
            self.transport.pause_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._blocked_since = self._loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._blocked_since = None
        self._go_on()

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self._task is not None:
            self._task.cancel()

    def force_close(self) -> None:
        """Closes once all is sent."""
        super().force_close()
        self._blocked_since = self._blocked_since or self._loop.time()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp calls it so
        """Sends what is left to send, for `timeout` seconds at most, and ends what is still open."""
        if self.transport is not None:
            self.transport.set_write_buffer_limits(high=0)
            with suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(timeout):
                    await self.drain()
        open_tasks = [task for task in (self._task, self._task_handler) if task is not None]
        self.force_close()
        for task in open_tasks:
            task.cancel()
        if open_tasks:
            await asyncio.wait(open_tasks, timeout=1.0)

    def send(self, data: bytes) -> None:
        """Hands bytes to the transport; raises ConnectionResetError if the client has gone."""
        if self.transport is None:
            raise ConnectionResetError("the client has gone")
        self.transport.write(data)

    async def drain(self) -> None:
        """Returns once the client has taken enough of what was sent."""
        if self._paused:
            await self._drain_helper()

    def handed_over(self) -> None:
        """aiohttp has a request of this connection in its hands, and its own timers from now on."""
        self._served = True

    def sweep(self, now: float) -> None:
        """Ends a wait that has been too long: for a first request, for the rest of one, for the next one, or for a client
        that does not take what it asked for."""
        options = self._host.options
        if self._blocked_since is not None:
            if now - self._blocked_since > options.write_timeout:
                self._socket.abort()
            return
        idle = self._plain and self._served and not self._held
        if now - self.since < (options.keepalive if idle else options.header_timeout) or self._at_work:
            return
        if self._held:
            self._hand_over()  # aiohttp can tell a slow body, which may take longer, from a slow head
        else:
            self.force_close()

    def log_exception(self, *message: Any, **detail: Any) -> None:
        """A body that broke has been answered for when aiohttp, which reads on before it closes, meets the break again."""
        if not isinstance(detail.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*message, **detail)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What aiohttp's parser refuses, in OpenAI's shape."""
        if status >= 500:
            log.error("request failed", exc_info=exc)
        error = GatewayError() if status >= 500 else InvalidRequest("The request is not valid HTTP/1.1.")
        reply = wire.failure(Arriving(request, self), error, close=True)
        reply.write(self)
        return Written(reply).for_aiohttp()

    @property
    def _at_work(self) -> bool:
        return self._task is not None if self._plain else self._served

    def _answer(self) -> None:
        """Answers what is held, one request after the other, until one has to wait or it is others' turn."""
        at, count, irregular = 0, 0, False
        while at < len(self._held) and self._task is None and self.transport is not None and not self._paused:
            if count == AT_ONCE:
                self._loop.call_soon(self._go_on)
                break
            try:
                read = native.Request.read(self._held, at)
            except native.IrregularRequest:
                irregular = True
                break
            if read is None:
                break
            at, count = at + read.size, count + 1
            self._begin(read)
        if at:
            self._held = self._held[at:]
            self.since = self._loop.time()
        if irregular:
            self._hand_over()

    def _begin(self, read: native.Request) -> None:
        self._served = True
        started = Started(self._host.serve(Whole(read, self)))
        if started.done:
            self._finish(started.result)
        else:
            self._task = self._loop.create_task(self._wait(started))
            self._task.add_done_callback(lambda _: started.close())

    def _finish(self, reply: wire.Reply) -> None:
        reply.write(self)
        if not reply.keep_alive:
            self.force_close()

    async def _wait(self, started: Started[wire.Reply]) -> None:
        try:
            self._finish(await started)
        except ConnectionError:
            return  # the client has gone
        finally:
            self._task = None
            self.since = self._loop.time()
        self._go_on()

    def _go_on(self) -> None:
        """Answers what has been held meanwhile, and reads on."""
        if self._plain:
            self._answer()
        if self._plain and len(self._held) <= MOST_HELD and self.transport is not None:
            self.transport.resume_reading()

    def _hand_over(self) -> None:
        self._plain = self._served = False
        held, self._held = self._held, b""
        if self.transport is not None:
            self.transport.resume_reading()  # aiohttp pauses for reasons of its own
        super().data_received(held)


class Written:
    """A reply that has been sent, as aiohttp wants to see it."""

    def __init__(self, reply: wire.Reply) -> None:
        self.keep_alive = reply.keep_alive

    async def prepare(self, request: web.BaseRequest) -> None: ...

    async def write_eof(self) -> None: ...

    def for_aiohttp(self) -> web.StreamResponse:
        return cast(web.StreamResponse, self)
