"""A request as endpoints see it, and the client that it came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gateway import native
from gateway.errors import GatewayError, PayloadTooLarge

LONGEST_ID = 128
"""Characters of a client's own request id."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Sizes in bytes, times in seconds."""

    max_body: int = 32 << 20
    header_timeout: float = 15.0
    body_timeout: float = 60.0
    keepalive: float = 75.0
    write_timeout: float = 60.0


class Client(Protocol):
    """Where the bytes of an answer go."""

    @property
    def blocked_since(self) -> float | None:
        """When the client stopped taking what is sent, on the loop's clock; None while it takes it."""

    def send(self, data: bytes) -> None:
        """Hands bytes to the transport; raises ConnectionResetError if the client has gone."""

    async def drain(self) -> None:
        """Returns once the client has taken enough of what was sent."""

    def force_close(self) -> None:
        """Closes once all is sent."""


class Request:
    """What an endpoint may know of a request, and where its answer goes.

    `id` is ours, `request_id` the client's own where it sent a usable one. `target` is path and query as they were sent, without
    a host. `header(name)` gives a header's value, named in any case, or an empty string. `keep_alive` says whether the
    connection may stay open after the answer.
    """

    __slots__ = ("allowed", "caller", "connection", "header", "id", "keep_alive", "method", "request_id", "target")

    def __init__(self, id: str, connection: Client, method: str, target: str, header: Callable[[str], str]) -> None:
        self.id = id
        self.connection = connection
        self.method = method
        self.target = target
        self.header = header
        sent = header("x-request-id")
        self.request_id = id if not sent or unusable(sent) else sent
        self.keep_alive = True
        self.allowed = ""
        """Header lines that let a web page read the answer."""
        self.caller = ""
        """The public id of the caller's key, once it is known."""

    @property
    def chunked(self) -> bool:
        """Whether the client knows chunked encoding."""
        return True

    @property
    def unread(self) -> bool:
        """Whether some of the body has not arrived."""
        return False

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def lines(self) -> str:
        """The header lines that every response to this request carries."""
        return f"x-request-id: {self.request_id}\r\nx-gateway-id: {self.id}\r\n{self.allowed}"

    async def body(self, options: ServerOptions) -> bytes:
        """The body as it was sent; raises what is wrong with it."""
        raise NotImplementedError


class Whole(Request):
    """A request that was in memory before anybody looked at it."""

    __slots__ = ("_read",)

    def __init__(self, id: str, connection: Client, read: native.Request) -> None:
        Request.__init__(self, id, connection, read.method, read.target, read.header)
        self._read = read
        self.keep_alive = read.keep_alive

    async def body(self, options: ServerOptions) -> bytes:
        body = self._read.body
        if len(body) > options.max_body:
            raise too_large(options)
        return body


def unusable(id: str) -> bool:
    """Whether a client's own request id cannot be sent back: it is too long, or not visible ASCII."""
    return len(id) > LONGEST_ID or not (id.isascii() and id.isprintable()) or " " in id


def too_large(options: ServerOptions) -> GatewayError:
    return PayloadTooLarge(f"The request body is larger than {options.max_body:,} bytes (server.max_body).")
