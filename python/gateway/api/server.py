"""aiohttp's protocol with what it lacks: a limit on how long a head may take, and a route table of one dictionary look-up."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import http_parser, web

from gateway.api import wire
from gateway.errors import GatewayError, InvalidRequest, MethodNotAllowed, NotFound, ShuttingDown

log = logging.getLogger(__name__)

Endpoint = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
SWEEP_SECONDS = 1.0
_SILENT = logging.Logger("silent", logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Sizes in bytes, times in seconds."""

    max_body: int = 32 << 20
    header_timeout: float = 15.0
    body_timeout: float = 60.0
    keepalive: float = 75.0


class Connection(web.RequestHandler):
    """One client's connection. `head_since` is when a head began that is not complete yet."""

    __slots__ = ("head_since",)

    @property
    def dawdling_since(self) -> float | None:
        """When the head began for which this connection still waits."""
        return self.head_since if self._waiter is not None and not self._waiter.done() else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.head_since: float | None = self._loop.time()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._request_in_progress or self._messages:
            self.head_since = None
        elif self.head_since is None:
            self.head_since = self._loop.time()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What aiohttp's parser refuses, in OpenAI's shape."""
        if status < 500:
            return wire.failure(request, InvalidRequest("The request is not valid HTTP/1.1."), {}, close=True)
        log.error("request failed", exc_info=exc)
        return wire.failure(request, GatewayError(), {}, close=True)


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
        return Connection(
            self,
            loop=loop,
            keepalive_timeout=self._options.keepalive,
            access_log=_SILENT,
            lingering_time=1.0,
            auto_decompress=True,
        )

    async def idle(self) -> None:
        """Returns once no request is being answered."""
        self._idle = asyncio.Event()
        if self.busy:
            await self._idle.wait()

    def stop_sweeping(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.busy += 1
        if isinstance(request.protocol, Connection):
            request.protocol.head_since = None
        try:
            return await self._endpoint(request)(request)
        except GatewayError as error:
            return wire.failure(request, error, {"x-request-id": new_id()}, close=True)
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return wire.failure(request, GatewayError(), {"x-request-id": new_id()}, close=True)
        finally:
            self.busy -= 1
            if self._idle is not None and self.busy == 0:
                self._idle.set()

    def _endpoint(self, request: web.BaseRequest) -> Endpoint:
        path = request.path
        methods = self._routes.get(path) or self._routes.get(path.rstrip("/")) or self._by_prefix(path)
        if methods is None:
            raise NotFound(
                f"There is nothing at {request.method} {path[:200]}. See GET /v1/models, POST /v1/chat/completions."
            )
        endpoint = methods.get(request.method)
        if endpoint is None:
            raise MethodNotAllowed(headers={"allow": ", ".join(methods)})
        if "content-length" in request.headers and "transfer-encoding" in request.headers:
            raise InvalidRequest("Content-Length and Transfer-Encoding exclude each other.")
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


def new_id() -> str:
    """A request id: `req_` and 128 random bits."""
    return f"req_{secrets.token_hex(16)}"
