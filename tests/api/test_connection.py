"""One connection on a transport that only takes notes: what is answered when, and what is left of a client that has gone."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from gateway.api import wire
from gateway.api.connection import AT_ONCE, Connection
from gateway.api.request import Request, ServerOptions
from gateway.api.server import Server
from gateway.errors import InvalidRequest


class Notes(asyncio.Transport):
    """Keeps what is written. A client that does not read is played with `full`."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = self.aborted = False
        self.reading = True

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", self.written)]

    @property
    def answers(self) -> int:
        return len(self.statuses)


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


async def at_once(request: Request) -> wire.Reply:
    return wire.reply(request, 200, b"{}")


async def broken(request: Request) -> wire.Reply:
    raise RuntimeError("a fault of ours")


async def refusing(request: Request) -> wire.Reply:
    raise InvalidRequest("no")


def get(path: str) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode()


def connected(options: ServerOptions | None = None) -> tuple[Connection, Notes, Waiting]:
    endpoints = {"/now": at_once, "/broken": broken, "/refusing": refusing, "/later": (later := Waiting())}
    server = Server({path: {"GET": endpoint} for path, endpoint in endpoints.items()}, options or ServerOptions())
    connection, transport = Connection(server, server, loop=asyncio.get_running_loop()), Notes()
    connection.connection_made(transport)
    return connection, transport, later


async def turns() -> None:
    """Lets every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def gone(connection: Connection) -> None:
    connection.connection_lost(None)
    await turns()


async def test_many_requests_sent_ahead_leave_others_their_turn() -> None:
    connection, transport, _ = connected()

    connection.data_received(get("/now") * 100)
    assert transport.answers == AT_ONCE

    await turns()
    assert transport.answers == 100
    await gone(connection)


async def test_what_is_sent_ahead_waits_for_what_takes_time() -> None:
    connection, transport, later = connected()

    connection.data_received(get("/now") + get("/later") + get("/now"))
    await turns()
    assert transport.answers == 1

    later.go.set()
    await turns()
    assert transport.answers == 3
    assert transport.written.index(b"late") < transport.written.rindex(b"{}")
    await gone(connection)


async def test_a_client_that_goes_before_its_request_has_begun_to_wait_leaves_nothing_behind() -> None:
    connection, _, later = connected()

    connection.data_received(get("/later"))
    assert later.waiting == 1
    connection.connection_lost(None)  # before the task that waits for it has taken a step
    await turns()

    assert later.waiting == 0


async def test_a_client_that_goes_while_its_request_waits_leaves_nothing_behind() -> None:
    connection, _, later = connected()

    connection.data_received(get("/later"))
    await turns()
    await gone(connection)

    assert later.waiting == 0


async def test_a_fault_closes_the_connection_and_a_refusal_does_not() -> None:
    connection, transport, _ = connected()
    connection.data_received(get("/refusing") + get("/now") + get("/broken") + get("/now"))
    await turns()

    assert transport.statuses == [400, 200, 500]
    assert transport.closed
    await gone(connection)


async def test_a_bad_request_behind_a_good_one_is_refused_after_it() -> None:
    connection, transport, _ = connected()
    connection.data_received(get("/now") + b"GET / HTTP/9.9\r\n\r\n")
    await turns()

    assert transport.statuses == [200, 400]
    assert transport.closed
    await gone(connection)


@pytest.mark.parametrize("closing", [False, True])
async def test_a_client_that_takes_nothing_is_cut_off(closing: bool) -> None:
    connection, transport, _ = connected(ServerOptions(write_timeout=5))
    connection.data_received(get("/now"))
    connection.pause_writing()
    if closing:
        connection.force_close()
    now = asyncio.get_running_loop().time()

    connection.sweep(now + 4)
    assert not transport.aborted
    connection.sweep(now + 6)
    assert transport.aborted
    await gone(connection)
