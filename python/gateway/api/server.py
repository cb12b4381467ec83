"""Routes: a table of one dictionary look-up, errors in OpenAI's shape, and an end for connections that dawdle."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from aiohttp import http_parser, web

from gateway.api import wire
from gateway.api.connection import Connection, Written
from gateway.api.request import Arriving, Request, ServerOptions
from gateway.errors import GatewayError, MethodNotAllowed, NotFound, ShuttingDown

log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[wire.Reply]]
SWEEP_SECONDS = 1.0


class Server(web.Server):
    """Routes requests and ends connections that dawdle. `routes` maps a path to its methods; a path ending in `/` is a prefix."""

    def __init__(self, routes: Mapping[str, Mapping[str, Endpoint]], options: ServerOptions) -> None:
        if not issubclass(http_parser.HttpRequestParser, getattr(http_parser, "HttpRequestParserC", ())):
            raise RuntimeError("aiohttp's C parser is not loaded; reinstall aiohttp from a wheel.")
        super().__init__(self._serve, handler_cancellation=True)
        self._routes, self.options = routes, options
        self._prefixes = [path for path in routes if path.endswith("/") and len(path) > 1]
        self._sweeper: asyncio.TimerHandle | None = None
        self.draining = False
        self.busy = 0
        self._idle: asyncio.Event | None = None

    def __call__(self) -> web.RequestHandler:
        loop = asyncio.get_running_loop()
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep)
        return Connection(self, self, loop=loop)

    async def idle(self) -> None:
        """Returns once no request is being answered."""
        self._idle = asyncio.Event()
        if self.busy:
            await self._idle.wait()

    def stop_sweeping(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()

    async def serve(self, request: Request) -> wire.Reply:
        """Answers one request; whatever goes wrong is an error in OpenAI's shape."""
        self.busy += 1
        try:
            return await self._endpoint(request)(request)
        except GatewayError as error:
            return wire.failure(request, error, f"x-request-id: {new_id()}\r\n", close=request.unread)
        except Exception:
            log.exception("%s %s failed", request.method, request.target)
            return wire.failure(request, GatewayError(), f"x-request-id: {new_id()}\r\n", close=True)
        finally:
            self.busy -= 1
            if self._idle is not None and self.busy == 0:
                self._idle.set()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """aiohttp's way in."""
        connection = cast(Connection, request.protocol)
        connection.handed_over()
        reply = await self.serve(Arriving(request, connection))
        reply.write(connection)
        await connection.drain()
        return Written(reply).for_aiohttp()

    def _endpoint(self, request: Request) -> Endpoint:
        path = request.target.partition("?")[0]
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
        """Lets every connection look at its wait; one timer for all of them."""
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep)
        for connection in self.connections:
            cast(Connection, connection).sweep(loop.time())


_PROCESS = secrets.token_hex(8)
_COUNT = itertools.count(1)


def new_id() -> str:
    """A request id: `req_`, 64 random bits of this process, and a running number."""
    return f"req_{_PROCESS}{next(_COUNT):012x}"
