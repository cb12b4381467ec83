"""aiohttp's protocol with what it lacks: a limit on how long a head may take, and a route table of one dictionary look-up."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import http_parser, web
from aiohttp.http import RawRequestMessage

from gateway.api import wire
from gateway.api.eager import Started
from gateway.errors import GatewayError, InvalidRequest, MethodNotAllowed, NotFound, ShuttingDown

log = logging.getLogger(__name__)

Endpoint = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
SWEEP_SECONDS = 1.0
_NOT_USED = cast(Any, None)
_SILENT = logging.Logger("silent", logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Sizes in bytes, times in seconds."""

    max_body: int = 32 << 20
    header_timeout: float = 15.0
    body_timeout: float = 60.0
    keepalive: float = 75.0


class Connection(web.RequestHandler):
    """One client's connection. `head_since` is when a head began that is not complete yet.

    A request that is all there is started at once, in the network callback: one that needs not wait, such as a cache hit, is
    answered without a task or a turn of the loop; any other goes on in aiohttp's own task, which finds it in `started`.
    While that task has a request, `handed_over` is set and what comes in waits its turn.
    """

    __slots__ = ("handed_over", "head_since", "server", "started")

    def __init__(self, server: Server, *, loop: asyncio.AbstractEventLoop, keepalive: float) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=keepalive,
            access_log=_SILENT,
            lingering_time=1.0,
            auto_decompress=False,
        )
        self.server = server
        self.started: Started[web.StreamResponse] | None = None
        self.head_since: float | None = loop.time()
        self.handed_over = False

    @property
    def dawdling_since(self) -> float | None:
        """When the head began for which this connection still waits."""
        return self.head_since if self._waiter is not None and not self._waiter.done() else None

    def data_received(self, data: bytes) -> None:
        waiter, self._waiter = self._waiter, None  # so that aiohttp queues what it reads and does not wake up for it
        super().data_received(data)
        self._waiter = waiter
        if not self.handed_over:
            self.handed_over = True  # reading a body calls back here
            while self._messages and not self.writing_paused and self._answer_at_once():
                pass
            self.handed_over = bool(self._messages)
            if not self._messages and self.head_since is None:
                self.head_since = self._loop.time()
        if self._messages and waiter is not None and not waiter.done():
            waiter.set_result(None)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self.started is not None:
            self.started.close()
            self.started = None

    def _answer_at_once(self) -> bool:
        """Starts the first request in the queue, if it is complete; true when that has answered it."""
        message, payload = self._messages[0]
        if not isinstance(message, RawRequestMessage) or message.upgrade or not payload.is_eof():
            return False
        request = web.BaseRequest(message, payload, self, _NOT_USED, _NOT_USED, self._loop)
        started = Started(self.server.serve(request))
        self.head_since = None
        if not started.done:
            self.started = started
            return False
        self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()
        reply = cast(wire.Reply, started.result)
        reply.write(request)
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if not reply.keep_alive:
            self.force_close()
        return True

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
        if status < 500:
            return wire.failure(request, InvalidRequest("The request is not valid HTTP/1.1."), close=True)
        log.error("request failed", exc_info=exc)
        return wire.failure(request, GatewayError(), close=True)


class Server(web.Server):
    """Routes requests and ends connections that dawdle. `routes` maps a path to its methods; a path ending in `/` is a prefix."""

    def __init__(self, routes: Mapping[str, Mapping[str, Endpoint]], options: ServerOptions) -> None:
        if not issubclass(http_parser.HttpRequestParser, getattr(http_parser, "HttpRequestParserC", ())):
            raise RuntimeError("aiohttp's C parser is not loaded; reinstall aiohttp from a wheel.")
        super().__init__(self._serve, handler_cancellation=True)
        self._routes, self._options = routes, options
        self._prefixes = [path for path in routes if path.endswith("/") and len(path) > 1]
        self._sweeper: asyncio.TimerHandle | None = None
        self.draining = False
        self.busy = 0
        self._idle: asyncio.Event | None = None

    def __call__(self) -> web.RequestHandler:
        loop = asyncio.get_running_loop()
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep)
        return Connection(self, loop=loop, keepalive=self._options.keepalive)

    async def idle(self) -> None:
        """Returns once no request is being answered."""
        self._idle = asyncio.Event()
        if self.busy:
            await self._idle.wait()

    def stop_sweeping(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one request; whatever goes wrong is an error in OpenAI's shape."""
        self.busy += 1
        try:
            return await self._endpoint(request)(request)
        except GatewayError as error:
            return wire.failure(request, error, f"x-request-id: {new_id()}\r\n", close=not request.content.is_eof())
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return wire.failure(request, GatewayError(), f"x-request-id: {new_id()}\r\n", close=True)
        finally:
            self.busy -= 1
            if self._idle is not None and self.busy == 0:
                self._idle.set()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """aiohttp's way in: goes on with what the connection has started, or starts."""
        connection = cast(Connection, request.protocol)
        connection.head_since = None
        started, connection.started = connection.started, None
        response = await (self.serve(request) if started is None else started)
        connection.handed_over = not response.keep_alive or bool(connection._messages)
        return response

    def _endpoint(self, request: web.BaseRequest) -> Endpoint:
        path = request.raw_path.partition("?")[0]
        if not path.startswith("/"):  # the absolute form, as sent to proxies: whatever host it names, it came to us
            path = request.rel_url.raw_path
        methods = self._routes.get(path) or self._routes.get(path.rstrip("/")) or self._by_prefix(path)
        if methods is None:
            raise NotFound(
                f"There is nothing at {request.method} {path[:200]}. See GET /v1/models, POST /v1/chat/completions."
            )
        endpoint = methods.get(request.method)
        if endpoint is None:
            raise MethodNotAllowed(headers={"allow": ", ".join(methods)})
        if self.draining and request.method == "POST":
            raise ShuttingDown(headers={"retry-after": "1"})
        return endpoint

    def _by_prefix(self, path: str) -> Mapping[str, Endpoint] | None:
        return next((self._routes[prefix] for prefix in self._prefixes if path.startswith(prefix)), None)

    def _sweep(self) -> None:
        """Closes connections whose head has taken too long; one timer for all of them."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._options.header_timeout
        for connection in self.connections:
            if isinstance(connection, Connection) and (connection.dawdling_since or oldest) < oldest:
                connection.force_close()
        self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep)


_PROCESS = secrets.token_hex(8)
_COUNT = itertools.count(1)


def new_id() -> str:
    """A request id: `req_`, 64 random bits of this process, and a running number."""
    return f"req_{_PROCESS}{next(_COUNT):012x}"
