"""Responses as bytes: heads and frames built by hand, one write each.

Measured: `web.Response` costs a multidict, a serialisation of it and two awaits; a `bytes` costs one write.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import cast

from aiohttp import web

from gateway.errors import GatewayError

JSON = "application/json"
LAST_CHUNK = b"0\r\n\r\n"
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_UNSAFE = str.maketrans("", "", "\r\n\0")
HTTP_1_1 = (1, 1)
"""Older clients would have to be told that the connection stays open; it is closed instead."""
_COPIED = 64 << 10


class Reply:
    """A response that is complete: what aiohttp's protocol asks for, and no more.

    It can `prepare`, which writes it all, and say whether the connection lives on. One without data has been written already.
    """

    __slots__ = ("_body", "_head", "keep_alive")

    def __init__(self, head: bytes, body: bytes, *, keep_alive: bool) -> None:
        self._head, self._body = head, body
        self.keep_alive = keep_alive

    def write(self, request: web.BaseRequest) -> None:
        """Hands the response to the transport."""
        transport = request.transport
        if not self._head:
            return
        if transport is None:
            raise ConnectionResetError("the client has gone")
        if len(self._body) < _COPIED:
            transport.write(self._head + self._body)
        else:
            transport.writelines((self._head, self._body))

    async def prepare(self, request: web.BaseRequest) -> None:
        self.write(request)
        if request.protocol.writing_paused:
            await request.protocol._drain_helper()

    async def write_eof(self) -> None:
        return None

    def as_response(self) -> web.StreamResponse:
        """Itself, for aiohttp's type hints."""
        return cast(web.StreamResponse, self)


def written(*, keep_alive: bool) -> web.StreamResponse:
    """The response of an endpoint that has written everything itself."""
    return Reply(b"", b"", keep_alive=keep_alive).as_response()


def reply(
    request: web.BaseRequest,
    status: int,
    body: bytes,
    lines: str = "",
    content_type: str = JSON,
    *,
    close: bool = False,
) -> web.StreamResponse:
    """A complete response; `lines` are further header lines, each with its line end."""
    keep_alive = request.keep_alive and not close and request.version >= HTTP_1_1
    start = head(status, content_type, f"content-length: {len(body)}\r\n{lines}", keep_alive)
    return Reply(start, b"" if request.method == "HEAD" else body, keep_alive=keep_alive).as_response()


def failure(
    request: web.BaseRequest, error: GatewayError, lines: str = "", *, close: bool = False
) -> web.StreamResponse:
    """An error in OpenAI's shape."""
    return reply(request, error.status, error.body(), lines + headers(error.headers), close=close)


def head(status: int, content_type: str, lines: str, keep_alive: bool) -> bytes:
    """Status line and headers."""
    end = "\r\n" if keep_alive else "connection: close\r\n\r\n"
    start = f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}\r\ncontent-type: {content_type}\r\n{lines}{end}"
    return start.encode("latin-1", "replace")


def headers(named: Mapping[str, str]) -> str:
    """Header lines."""
    return "".join([f"{name}: {clean(value)}\r\n" for name, value in named.items()])


def clean(value: str) -> str:
    """A header value that cannot end its line."""
    return value if value.isprintable() else value.translate(_UNSAFE)


def frame(data: bytes) -> bytes:
    """One chunk of chunked encoding."""
    return b"%x\r\n%b\r\n" % (len(data), data)
