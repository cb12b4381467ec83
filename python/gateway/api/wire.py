"""Responses as bytes: heads and frames built by hand, one write each.

Measured: `web.Response` costs a multidict, a header serialisation and two awaits; a prepared `bytes` costs one write.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import cast

from aiohttp import web

from gateway.errors import GatewayError

JSON = "application/json"
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_UNSAFE = str.maketrans("", "", "\r\n\0")
LAST_CHUNK = b"0\r\n\r\n"


class Reply:
    """A response that is complete, or has been written already (`head` empty). It is what aiohttp's protocol asks for: it can
    `prepare`, `write_eof` and say whether the connection lives on."""

    __slots__ = ("_data", "keep_alive")

    def __init__(self, data: bytes, *, keep_alive: bool) -> None:
        self._data = data
        self.keep_alive = keep_alive

    async def prepare(self, request: web.BaseRequest) -> None:
        if not self._data:
            return
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone")
        transport.write(self._data)
        if request.protocol.writing_paused:
            await request.writer.drain()

    async def write_eof(self) -> None:
        return None

    def as_response(self) -> web.StreamResponse:
        """Itself, for aiohttp's type hints."""
        return cast(web.StreamResponse, self)


def written(*, keep_alive: bool) -> web.StreamResponse:
    """The response of a handler that has written everything itself."""
    return Reply(b"", keep_alive=keep_alive).as_response()


def reply(
    request: web.BaseRequest,
    status: int,
    body: bytes,
    headers: Mapping[str, str],
    content_type: str = JSON,
    *,
    close: bool = False,
) -> web.StreamResponse:
    """A complete response."""
    keep_alive = request.keep_alive and not close
    start = head(status, headers, content_type, f"content-length: {len(body)}\r\n", keep_alive)
    return Reply(start if request.method == "HEAD" else start + body, keep_alive=keep_alive).as_response()


def failure(
    request: web.BaseRequest, error: GatewayError, headers: Mapping[str, str], *, close: bool = False
) -> web.StreamResponse:
    """An error in OpenAI's shape."""
    return reply(request, error.status, error.body(), {**headers, **error.headers}, close=close)


def head(status: int, headers: Mapping[str, str], content_type: str, framing: str, keep_alive: bool) -> bytes:
    lines = f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}\r\ncontent-type: {content_type}\r\n{framing}"
    for name, value in headers.items():
        lines += f"{name}: {clean(value)}\r\n"
    return (lines + ("\r\n" if keep_alive else "connection: close\r\n\r\n")).encode("latin-1", "replace")


def clean(value: str) -> str:
    """A header value that cannot end its line."""
    return value if value.isprintable() else value.translate(_UNSAFE)


def frame(data: bytes) -> bytes:
    """One chunk of chunked encoding."""
    return b"%x\r\n%b\r\n" % (len(data), data)
