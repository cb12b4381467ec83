"""A connection whose requests aiohttp reads: chunked, large and slow, or in an uncommon form."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, cast

from aiohttp import web
from aiohttp.http_exceptions import TransferEncodingError

from gateway.api import wire
from gateway.api.access import Serve
from gateway.api.request import Request, ServerOptions, too_large
from gateway.api.states import ANSWER, CLOSED, HEAD, MOVES, NEXT, State
from gateway.errors import GatewayError, HeadTooLarge, InvalidRequest, RequestTimeout

log = logging.getLogger(__name__)

LARGEST_HEAD = 64 << 10
"""Bytes of the largest request head."""
READ_AHEAD = 64 << 10
"""Bytes of a body that are read before somebody wants them; aiohttp stops at twice as many."""
_SILENT = logging.Logger("silent", logging.CRITICAL + 1)


class Host(Protocol):
    """The server, as a connection of aiohttp's knows it."""

    options: ServerOptions
    serve: Serve
    new_id: Callable[[], str]

    def closed(self, connection: Foreign) -> None: ...


class Foreign(web.RequestHandler):
    """Takes over a socket from which something has been read already. `since` is when the current wait began; `waited` is for
    how many seconds a body had stopped coming when it did."""

    __slots__ = ("_ahead", "_head", "_host", "blocked_since", "since", "socket", "state", "waited")

    socket: asyncio.Transport

    def __init__(self, manager: web.Server, host: Host, *, since: float) -> None:
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=host.options.keepalive,
            access_log=_SILENT,
            lingering_time=1.0,
            auto_decompress=False,
            read_bufsize=READ_AHEAD,
        )
        self._host = host
        self._ahead = False
        self._head = 0
        self.state = HEAD
        self.since, self.waited = since, 0.0
        self.blocked_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.socket = cast(asyncio.Transport, transport)
        self.keep_alive(True)  # takes back aiohttp's timer: the sweeper does its work

    def data_received(self, data: bytes) -> None:
        if data:  # aiohttp calls this with nothing, to read on
            self._came()
        heads = self._request_count
        super().data_received(data)
        if self.state is not HEAD:
            return
        self._head += len(data)
        if self._request_count > heads:
            self._enter(ANSWER)
        elif self._head > LARGEST_HEAD:
            self._refuse(HeadTooLarge())

    def _came(self) -> None:
        self.waited = 0.0
        if self.state is NEXT:
            self._enter(HEAD)
        elif self.state is ANSWER and self._current_request is not None:
            self._ahead = self._ahead or self._current_request.content.is_eof()

    def eof_received(self) -> None:
        """Who sends no more has left, as far as one can tell: nothing is fetched for it any longer."""
        if self.state is ANSWER and self._task_handler is not None:
            self._task_handler.cancel()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.blocked_since = self._loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.blocked_since = None

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self.state, self.blocked_since = CLOSED, None
        self._host.closed(self)

    def force_close(self) -> None:
        super().force_close()
        if self.state is not CLOSED:
            self.state = CLOSED
            self.blocked_since = self.blocked_since or self._loop.time()

    def send(self, data: bytes) -> None:
        if self.transport is None:
            raise ConnectionResetError("the client has gone")
        self.transport.write(data)

    async def drain(self) -> None:
        if self._paused:
            await self._drain_helper()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp calls it so
        if self.transport is not None:
            self.transport.set_write_buffer_limits(high=0)
            with suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(timeout):
                    await self.drain()
        task = self._task_handler
        self.force_close()
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=1.0)

    def give_up(self) -> None:
        self.force_close()

    def log_exception(self, *message: Any, **detail: Any) -> None:
        """A body that broke, or whose client has left, has been answered for when aiohttp, which reads on before it closes,
        meets the break again."""
        if self.transport is not None and not isinstance(detail.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*message, **detail)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What aiohttp's parser refuses, in OpenAI's shape. A client that has left gets nothing, and nothing is logged."""
        if status >= 500 and not isinstance(exc, ConnectionError):
            log.error("request failed", exc_info=exc)
        error = GatewayError() if status >= 500 else InvalidRequest("The request is not valid HTTP/1.1.")
        self._refuse(error)
        return _WRITTEN

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """aiohttp has read a head: answers the request."""
        if self.state is not ANSWER:
            self._enter(ANSWER)
        self._ahead, self._head = False, 0
        if sum(len(name) + len(value) + 4 for name, value in request.raw_headers) > LARGEST_HEAD:
            self._refuse(HeadTooLarge())
            return _WRITTEN
        if any(coding.lower() != "chunked" for coding in request.headers.getall("transfer-encoding", ())):
            self._refuse(InvalidRequest("The only Transfer-Encoding that is read is chunked."))
            return _WRITTEN
        reply = await self._host.serve(Arriving(self._host.new_id(), self, request))
        reply.write(self)
        await self.drain()
        if self.state is ANSWER:
            self._enter(HEAD if self._ahead else NEXT)
        return Written(keep_alive=reply.keep_alive).for_aiohttp()

    def _refuse(self, error: GatewayError) -> None:
        """Answers what is no request, and closes."""
        nameless = Request(self._host.new_id(), self, "", "", lambda name: "")
        if self.transport is not None:
            wire.failure(nameless, error, close=True).write(self)
        self.force_close()

    def _enter(self, state: State) -> None:
        assert state in MOVES[self.state], f"{self.state} → {state}"
        self.state, self.since = state, self._loop.time()


class Arriving(Request):
    """A request whose body may still be on its way."""

    __slots__ = ("_client", "_request")

    def __init__(self, id: str, client: Foreign, request: web.BaseRequest) -> None:
        target = request.raw_path
        if not target.startswith("/"):  # the absolute form, as sent to proxies: whatever host it names, it came to us
            target = request.rel_url.raw_path_qs
        super().__init__(id, client, request.method, target, lambda name: request.headers.get(name, ""))
        self._client, self._request = client, request
        # An older client would need a header that says it stays open. Of what follows an upgrade that is not made, aiohttp's parser
        # loses what came with it.
        self.keep_alive = request.keep_alive and self.chunked and not request._message.upgrade

    @property
    def chunked(self) -> bool:
        return self._request.version >= (1, 1)

    @property
    def unread(self) -> bool:
        return not self._request.content.is_eof()

    async def body(self, options: ServerOptions) -> bytes:
        if (self._request.content_length or 0) > options.max_body:
            raise too_large(options)
        if self.unread and self.header("expect").lower() == "100-continue":
            self._client.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            return await self._collect(options)
        except TimeoutError:
            raise RequestTimeout from None
        except (web.RequestPayloadError, TransferEncodingError) as error:
            raise InvalidRequest("The request body is not what its Transfer-Encoding says.") from error

    async def _collect(self, options: ServerOptions) -> bytes:
        body = bytearray()
        while True:
            if self._client.transport is None:
                raise ConnectionResetError("the client has gone")
            async with asyncio.timeout(max(0.0, options.body_timeout - self._client.waited)):
                part = await self._request.content.readany()
            if not part:
                return bytes(body)
            body += part
            if len(body) > options.max_body:
                raise too_large(options)


class Written:
    """A reply that has been sent, as aiohttp wants to see it."""

    def __init__(self, *, keep_alive: bool) -> None:
        self.keep_alive = keep_alive

    async def prepare(self, request: web.BaseRequest) -> None: ...

    async def write_eof(self) -> None: ...

    def for_aiohttp(self) -> web.StreamResponse:
        return cast(web.StreamResponse, self)


_WRITTEN = Written(keep_alive=False).for_aiohttp()
