"""A server without sockets: a transport that only takes notes, and endpoints to serve."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from gateway.api import wire
from gateway.api.connection import Connection
from gateway.api.foreign import Foreign
from gateway.api.request import Request, ServerOptions
from gateway.api.server import Server
from gateway.errors import InvalidRequest


class Notes(asyncio.Transport):
    """Keeps what is written, and whose protocol it is now. A client that does not read is played with `pause_writing`."""

    def __init__(self, protocol: Connection, extra: dict[str, Any] | None = None) -> None:
        super().__init__(extra)
        self.protocol: Connection | Foreign = protocol
        self.written = b""
        self.closed = self.aborted = False
        self.reading = True
        self.high = 64 << 10
        protocol.connection_made(self)

    def feed(self, data: bytes) -> None:
        """What the client sends."""
        self.protocol.data_received(data)

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def is_reading(self) -> bool:
        return self.reading

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high or 0

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", self.written)]

    @property
    def answers(self) -> int:
        return len(self.statuses)

    def header(self, name: str) -> str | None:
        """A header of the first answer."""
        found = re.search(rf"\r\n{name}: ([^\r]*)\r\n".encode(), self.written.partition(b"\r\n\r\n")[0] + b"\r\n")
        return found[1].decode() if found else None

    async def hang_up(self) -> None:
        self.protocol.connection_lost(None)
        await turns()


class Waiting:
    """An endpoint that waits for `go`, and knows how many wait."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.waiting = 0

    async def __call__(self, request: Request) -> wire.Reply:
        self.waiting += 1
        try:
            await self.go.wait()
            return wire.reply(request, 200, b"late")
        finally:
            self.waiting -= 1


class Reading:
    """An endpoint that reads the body and keeps it."""

    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        self.bodies: list[bytes] = []

    async def __call__(self, request: Request) -> wire.Reply:
        self.bodies.append(await request.body(self._options))
        return wire.reply(request, 200, b"{}")


async def at_once(request: Request) -> wire.Reply:
    return wire.reply(request, 200, b"{}")


async def broken(request: Request) -> wire.Reply:
    raise RuntimeError("a fault of ours")


async def refusing(request: Request) -> wire.Reply:
    raise InvalidRequest("no")


class Served:
    """A server of `/now`, `/later`, `/broken`, `/refusing` and `/body`, and one connection to it."""

    def __init__(self, options: ServerOptions | None = None, **parts: Any) -> None:
        self.options = options or ServerOptions()
        self.later, self.body = Waiting(), Reading(self.options)
        endpoints = {"/now": at_once, "/later": self.later, "/broken": broken, "/refusing": refusing}
        routes: dict[str, Any] = {path: {"GET": endpoint} for path, endpoint in endpoints.items()}
        self.server = Server({**routes, "/v1/body": {"POST": self.body}}, self.options, **{"prefix": "0" * 16, **parts})
        self.transport = Notes(self.server())

    @property
    def connection(self) -> Connection | Foreign:
        return self.transport.protocol

    def sweep(self, seconds: float) -> None:
        """Looks at the connections as if so much time had gone by."""
        self.server.sweeper.sweep(asyncio.get_running_loop().time() + seconds)

    async def over(self) -> None:
        self.server.stop_sweeping()
        await self.transport.hang_up()


def get(path: str, lines: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode()


def post(path: str, body: bytes = b"{}", lines: str = "") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body


def chunked(path: str, body: bytes = b"{}") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


async def turns() -> None:
    """Lets every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)
