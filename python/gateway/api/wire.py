"""Responses as bytes: heads and frames built by hand, one write each.

Measured: `web.Response` costs a multidict, a serialisation of it and two awaits; a `bytes` costs one write.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol

from gateway.api.request import Request
from gateway.errors import GatewayError

JSON = "application/json"
LAST_CHUNK = b"0\r\n\r\n"
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_UNSAFE = str.maketrans("", "", "\r\n\0")
_COPIED = 64 << 10


class Sink(Protocol):
    """Where bytes go."""

    def send(self, data: bytes) -> None: ...


class Reply:
    """A response that is complete; one without a head has been written already."""

    __slots__ = ("_body", "_head", "keep_alive")

    def __init__(self, head: bytes, body: bytes, *, keep_alive: bool) -> None:
        self._head, self._body = head, body
        self.keep_alive = keep_alive

    def write(self, sink: Sink) -> None:
        """Sends it, in one piece unless that would copy much."""
        if len(self._body) < _COPIED:
            if self._head:
                sink.send(self._head + self._body)
        else:
            sink.send(self._head)
            sink.send(self._body)


def written(*, keep_alive: bool) -> Reply:
    """The response of an endpoint that has written everything itself."""
    return Reply(b"", b"", keep_alive=keep_alive)


def reply(
    request: Request,
    status: int,
    body: bytes,
    lines: str = "",
    content_type: str = JSON,
    *,
    close: bool = False,
) -> Reply:
    """A complete response; `lines` are further header lines, each with its line end."""
    keep_alive = request.keep_alive and not close
    start = head(status, content_type, f"content-length: {len(body)}\r\n{lines}", keep_alive)
    return Reply(start, b"" if request.method == "HEAD" else body, keep_alive=keep_alive)


def failure(request: Request, error: GatewayError, lines: str = "", *, close: bool = False) -> Reply:
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
