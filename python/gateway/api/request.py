"""A request as endpoints see it, in the two ways in which one arrives."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aiohttp import web
from aiohttp.http_exceptions import TransferEncodingError

from gateway import native
from gateway.errors import GatewayError, InvalidRequest, PayloadTooLarge, RequestTimeout

if TYPE_CHECKING:
    from gateway.api.connection import Connection


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Sizes in bytes, times in seconds."""

    max_body: int = 32 << 20
    header_timeout: float = 15.0
    body_timeout: float = 60.0
    keepalive: float = 75.0
    write_timeout: float = 60.0


class Request(Protocol):
    """What an endpoint may know of a request, and where its answer goes."""

    @property
    def connection(self) -> Connection: ...
    @property
    def method(self) -> str: ...
    @property
    def target(self) -> str:
        """Path and query as they were sent, without a host."""

    @property
    def keep_alive(self) -> bool:
        """Whether the connection may stay open after the answer."""

    @property
    def chunked(self) -> bool:
        """Whether the client knows chunked encoding."""

    @property
    def unread(self) -> bool:
        """Whether some of the body has not arrived."""

    def header(self, name: str, /) -> str:
        """The value of a header, named in any case; empty if there is none."""

    async def body(self, options: ServerOptions) -> bytes:
        """The body as it was sent; raises what is wrong with it."""


class Whole:
    """A request that was in memory before anybody looked at it."""

    __slots__ = ("_read", "connection", "header", "keep_alive", "method", "target")

    chunked = True
    unread = False

    def __init__(self, read: native.Request, connection: Connection) -> None:
        self._read, self.connection = read, connection
        self.method, self.target, self.keep_alive = read.method, read.target, read.keep_alive
        self.header = read.header

    async def body(self, options: ServerOptions) -> bytes:
        body = self._read.body
        if len(body) > options.max_body:
            raise too_large(options)
        return body


class Arriving:
    """A request that aiohttp reads: chunked, large, slow, or in an uncommon form."""

    def __init__(self, request: web.BaseRequest, connection: Connection) -> None:
        self._request, self.connection = request, connection
        self.method = request.method
        self.target = request.raw_path
        if not self.target.startswith(
            "/"
        ):  # the absolute form, as sent to proxies: whatever host it names, it came to us
            self.target = request.rel_url.raw_path_qs
        self.chunked = request.version >= (1, 1)
        self.keep_alive = request.keep_alive and self.chunked  # older clients would have to be told that it stays open

    @property
    def unread(self) -> bool:
        return not self._request.content.is_eof()

    def header(self, name: str, /) -> str:
        return self._request.headers.get(name, "")

    async def body(self, options: ServerOptions) -> bytes:
        if (self._request.content_length or 0) > options.max_body:
            raise too_large(options)
        if self.unread and self.header("expect").lower() == "100-continue":
            self.connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            return await self._collect(options)
        except TimeoutError:
            raise RequestTimeout from None
        except (web.RequestPayloadError, TransferEncodingError) as error:
            raise InvalidRequest("The request body is not what its Transfer-Encoding says.") from error

    async def _collect(self, options: ServerOptions) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            async with asyncio.timeout(options.body_timeout):
                part = await self._request.content.readany()
            if not part:
                return b"".join(parts)
            parts.append(part)
            size += len(part)
            if size > options.max_body:
                raise too_large(options)


def too_large(options: ServerOptions) -> GatewayError:
    return PayloadTooLarge(f"The request body is larger than {options.max_body:,} bytes (server.max_body).")
