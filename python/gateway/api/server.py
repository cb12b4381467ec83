"""Where every request passes: identified, admitted, routed, answered; whatever goes wrong is an error in OpenAI's shape."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping
from functools import partial

from aiohttp import http_parser, web

from gateway.api import wire
from gateway.api.access import AccessLog, Serve
from gateway.api.connection import Connection
from gateway.api.cors import Cors
from gateway.api.foreign import Foreign
from gateway.api.guests import Guests
from gateway.api.request import Request, ServerOptions
from gateway.api.routes import SHOWN, Endpoint, Methods, Routes, allowed
from gateway.api.sweeper import Sweeper
from gateway.errors import GatewayError, ShuttingDown

log = logging.getLogger(__name__)


class Server:
    """Makes a protocol for every connection that is accepted, and answers its requests.

    `routes` maps a path to its methods; a path ending in `/` is a prefix. While it is `draining`, calls are refused and
    connections closed after their answer. `busy` counts the requests being answered. `prefix` makes the ids of its requests
    unlike any other server's: 16 random digits.
    """

    def __init__(
        self,
        routes: Mapping[str, Methods],
        options: ServerOptions,
        *,
        guests: Guests | None = None,
        cors: Cors | None = None,
        access: AccessLog | None = None,
        prefix: str,
    ) -> None:
        if not issubclass(http_parser.HttpRequestParser, getattr(http_parser, "HttpRequestParserC", ())):
            raise RuntimeError("aiohttp's C parser is not loaded; reinstall aiohttp from a wheel.")
        self.options = options
        self._routes, self._guests, self._cors = Routes(routes), guests, cors
        self.serve: Serve = self._serve if access is None else partial(access.watch, self._serve)
        """Answers one request."""
        self.sweeper = Sweeper(options)
        self._manager: web.Server | None = None
        self.new_id: Callable[[], str] = map(f"req_{prefix}%012x".__mod__, itertools.count(1)).__next__
        """A request id: `req_`, this server's prefix, and a running number."""
        self.draining = False
        self.busy = 0
        self._idle: asyncio.Event | None = None

    def __call__(self) -> Connection:
        return Connection(self, asyncio.get_running_loop())

    async def idle(self) -> None:
        """Returns once no request is being answered."""
        self._idle = asyncio.Event()
        if self.busy:
            await self._idle.wait()

    def stop_sweeping(self) -> None:
        self.sweeper.stop()

    async def shutdown(self, timeout: float) -> None:  # noqa: ASYNC109 - one limit for all connections
        """Ends every connection, once it has taken what was sent or `timeout` seconds are over."""
        await self.sweeper.shutdown(timeout)

    def opened(self, connection: Connection) -> None:
        self.sweeper.add(connection)

    def closed(self, connection: Connection | Foreign) -> None:
        self.sweeper.discard(connection)

    def hand_over(self, connection: Connection, received: bytes, waited: float) -> None:
        """Makes a connection's socket aiohttp's, beginning with what has been received. `waited` is for how many seconds a body
        has not come on."""
        self._manager = self._manager or web.Server(_answer, handler_cancellation=True)
        foreign = Foreign(self._manager, self, since=connection.since)
        self.sweeper.discard(connection)
        self.sweeper.add(foreign)
        connection.socket.set_protocol(foreign)
        foreign.connection_made(connection.socket)
        connection.socket.resume_reading()  # aiohttp pauses for reasons of its own
        foreign.data_received(received)
        foreign.waited = waited

    async def _serve(self, request: Request) -> wire.Reply:
        self.busy += 1
        try:
            return await self._endpoint(request)(request)
        except GatewayError as error:
            return wire.failure(request, error, close=request.unread)
        except ConnectionError:
            return wire.Reply(b"", b"", keep_alive=False)  # the client has gone
        except Exception:
            log.exception("request %s failed: %s %s", request.id, request.method, request.target[:SHOWN])
            return wire.failure(request, GatewayError(), close=True)
        finally:
            self.busy -= 1
            if self._idle is not None and self.busy == 0:
                self._idle.set()

    def _endpoint(self, request: Request) -> Endpoint:
        if self._cors is not None:
            request.allowed = self._cors.lines(request.header("origin"))
        if self._guests is not None:
            self._guests.check(request)
        if self.draining:
            request.keep_alive = False
            if request.method == "POST":
                raise ShuttingDown(headers={"retry-after": "1"})
        return self._options if request.method == "OPTIONS" else self._routes.find(request)

    async def _options(self, request: Request) -> wire.Reply:
        """What a path answers, and to a browser which web pages may ask."""
        methods = {} if request.target == "*" else self._routes.methods(request.path)
        if methods is None:
            self._routes.find(request)
        allow = allowed(methods or {})
        preflight = self._cors.preflight(request, allow) if self._cors is not None else ""
        return wire.reply(request, 204, b"", f"allow: {allow}\r\n{preflight}")


async def _answer(request: web.BaseRequest) -> web.StreamResponse:
    """aiohttp's way in."""
    foreign = request.protocol
    assert isinstance(foreign, Foreign)
    return await foreign.answer(request)
