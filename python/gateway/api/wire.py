"""Responses as bytes: heads and frames built by hand, one write each.

Measured: `web.Response` costs a multidict, a serialisation of it and two awaits; a `bytes` costs one write.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from gateway.api.request import Client, Request
from gateway.chat.names import clean
from gateway.errors import GatewayError

JSON = "application/json"
PIECE = 8 << 10
"""Bytes of a stream that are copied into one frame: more than a client takes is never held for it."""
_STARTS = {int(status): f"HTTP/1.1 {int(status)} {status.phrase}\r\n" for status in HTTPStatus}
_NO_CONTENT = 204
_COPIED = 64 << 10
_LAST_CHUNK = b"0\r\n\r\n"


class Reply:
    """A response that is complete; one without a head has been written already."""

    __slots__ = ("_body", "_head", "keep_alive")

    def __init__(self, head: bytes, body: bytes, keep_alive: bool) -> None:
        self._head = head
        self._body = body
        self.keep_alive = keep_alive

    def write(self, client: Client) -> None:
        """Sends it, in one piece unless that would copy much."""
        if len(self._body) < _COPIED:
            if self._head:
                client.send(self._head + self._body)
        else:
            client.send(self._head)
            client.send(self._body)


class Stream:
    """A response that is sent as it comes: any number of `send`, then `end` or `cut`. The head goes out with the first bytes.

    Invariant: only `end` sends the chunk that ends the encoding; `frame` makes none of what is empty.
    """

    __slots__ = ("_frame", "_head", "_request")

    def __init__(self, request: Request, content_type: str, lines: str) -> None:
        self._request = request
        self._frame = frame if request.chunked else bytes
        encoding = "transfer-encoding: chunked\r\n" if request.chunked else ""
        self._head = head(request, 200, content_type, lines + encoding, request.keep_alive)

    async def send(self, data: bytes) -> None:
        """Sends the next bytes once the client has taken enough of those before."""
        client = self._request.connection
        if client.blocked_since is not None:
            await client.drain()
        if len(data) <= PIECE:
            self._write(self._frame(data))
            return
        rest = memoryview(data)
        while rest:
            self._write(self._frame(rest[:PIECE]))
            rest = rest[PIECE:]
            await client.drain()

    def end(self, data: bytes) -> Reply:
        """Sends the last bytes; the response is complete."""
        self._write(self._frame(data) + (_LAST_CHUNK if self._request.chunked else b""))
        return Reply(b"", b"", self._request.keep_alive)

    def cut(self, data: bytes) -> Reply:
        """Sends the last bytes and closes without an end, since clients silently accept a stream that broke off but ended
        cleanly."""
        self._write(self._frame(data))
        self._request.connection.force_close()
        return Reply(b"", b"", False)

    def _write(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        if data:
            self._request.connection.send(data)


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
    length = "" if status == _NO_CONTENT else f"content-length: {len(body)}\r\n"
    start = head(request, status, content_type if body else "", length + lines, keep_alive)
    return Reply(start, b"" if request.method == "HEAD" else body, keep_alive)


def failure(request: Request, error: GatewayError, lines: str = "", *, close: bool = False) -> Reply:
    """An error in OpenAI's shape."""
    return reply(request, error.status, error.body(), lines + headers(error.headers), close=close)


def head(request: Request, status: int, content_type: str, lines: str, keep_alive: bool) -> bytes:
    """Status line and headers, among them those that every response to the request carries."""
    start = _STARTS.get(status) or f"HTTP/1.1 {status} Unknown\r\n"
    kind = f"content-type: {content_type}\r\n" if content_type else ""
    end = "\r\n" if keep_alive else "connection: close\r\n\r\n"
    return f"{start}{kind}{request.lines}{lines}{end}".encode("latin-1", "replace")


def headers(named: Mapping[str, str]) -> str:
    """Header lines."""
    return "".join([f"{name}: {clean(value)}\r\n" for name, value in named.items()])


def frame(data: bytes | memoryview) -> bytes:
    """One chunk of chunked encoding; nothing for nothing, since an empty chunk would be the end."""
    return b"".join((b"%x\r\n" % len(data), data, b"\r\n")) if data else b""
