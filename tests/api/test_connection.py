"""One connection on a transport that only takes notes: what is answered when, and what is left of a client that has gone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator

import pytest

from gateway.api import wire
from gateway.api.connection import AT_ONCE, MOST_HELD, Connection
from gateway.api.foreign import Foreign
from gateway.api.request import Request, ServerOptions
from gateway.api.sockets import MOST_UNSENT, MOST_WAITING
from gateway.api.states import ANSWER, BODY, CLOSED, FIRST, HEAD, NEXT
from tests.api.notes import Notes, Served, chunked, get, post, turns


async def test_many_requests_sent_ahead_leave_others_their_turn() -> None:
    served = Served()

    served.transport.feed(get("/now") * 100)
    assert served.transport.answers == AT_ONCE

    await turns()
    assert served.transport.answers == 100
    await served.over()


async def test_what_is_sent_ahead_waits_for_what_takes_time() -> None:
    served = Served()
    transport = served.transport

    transport.feed(get("/now") + get("/later") + get("/now"))
    await turns()
    assert transport.answers == 1

    served.later.go.set()
    await turns()
    assert transport.answers == 3
    assert transport.written.index(b"late") < transport.written.rindex(b"{}")
    await served.over()


async def test_a_client_that_goes_before_its_request_has_begun_to_wait_leaves_nothing_behind() -> None:
    served = Served()

    served.transport.feed(get("/later"))
    assert served.later.waiting == 1
    await served.over()  # before the task that waits for it has taken a step

    assert served.later.waiting == 0


async def test_a_client_that_goes_at_once_ends_what_streams_to_it() -> None:
    """As an answer does that is read from an asynchronous generator."""
    ended: list[str] = []

    async def chunks() -> AsyncGenerator[bytes]:
        try:
            await asyncio.sleep(3600)
            yield b""
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def endpoint(request: Request) -> wire.Reply:
        stream = chunks()
        try:
            return wire.reply(request, 200, await anext(stream))
        finally:
            await stream.aclose()
            ended.append("closed")

    served = Served()
    served.server.serve = endpoint
    served.transport.feed(get("/stream"))
    await served.over()
    await turns()

    assert ended == ["cancelled", "closed"]


async def test_a_client_that_goes_while_its_request_waits_leaves_nothing_behind() -> None:
    served = Served()

    served.transport.feed(get("/later"))
    await turns()
    await served.over()

    assert served.later.waiting == 0


async def test_a_client_that_sends_no_more_is_not_worked_for() -> None:
    served = Served()

    served.transport.feed(get("/later"))
    await turns()
    assert not served.connection.eof_received()  # the transport closes once all is sent
    await turns()

    assert served.later.waiting == 0
    await served.over()


async def test_a_fault_closes_the_connection_and_a_refusal_does_not() -> None:
    served = Served()
    served.transport.feed(get("/refusing") + get("/now") + get("/broken") + get("/now"))
    await turns()

    assert served.transport.statuses == [400, 200, 500]
    assert served.transport.closed
    await served.over()


async def test_a_bad_request_behind_a_good_one_is_refused_after_it() -> None:
    served = Served()
    served.transport.feed(get("/now") + b"GET / HTTP/9.9\r\n\r\n")
    await turns()

    assert served.transport.statuses == [200, 400]
    assert served.transport.closed
    await served.over()


@pytest.mark.parametrize("closing", [False, True])
async def test_a_client_that_takes_nothing_is_cut_off(closing: bool) -> None:
    served = Served(ServerOptions(write_timeout=5))
    served.transport.feed(get("/now"))
    served.connection.pause_writing()
    if closing:
        served.connection.force_close()

    served.sweep(4)
    assert not served.transport.aborted
    served.sweep(6)
    assert served.transport.aborted
    await served.over()


# What a connection waits for


@pytest.mark.parametrize(
    ("received", "state"),
    [
        (b"", FIRST),
        (b"GET /n", HEAD),
        (post("/v1/body")[:-1], BODY),
        (get("/now"), NEXT),
        (get("/now") + b"GET /n", HEAD),
        (get("/now") + post("/v1/body")[:-1], BODY),
        (get("/later"), ANSWER),
        (get("/later") + b"GET /n", ANSWER),
        (get("/now", "Connection: close\r\n"), CLOSED),
    ],
)
async def test_what_has_come_says_what_is_waited_for(received: bytes, state: object) -> None:
    served = Served()
    if received:
        served.transport.feed(received)

    assert served.connection.state is state
    await served.over()


QUICK = ServerOptions(header_timeout=15, body_timeout=60, keepalive=75)


@pytest.mark.parametrize(
    ("received", "bound"),
    [(b"", 15), (b"GET /n", 15), (get("/now"), 75), (get("/now") + b"GET /n", 15)],
    ids=["nothing", "half a head", "idle", "half of a second head"],
)
async def test_every_wait_for_the_client_has_an_end(received: bytes, bound: float) -> None:
    served = Served(QUICK)
    if received:
        served.transport.feed(received)

    served.sweep(bound - 1)
    assert not served.transport.closed
    served.sweep(bound + 1)
    assert served.transport.closed
    await served.over()


async def test_a_head_that_drips_is_waited_for_no_longer() -> None:
    served = Served(QUICK)
    served.transport.feed(b"GET /n")
    since = served.connection.since

    served.transport.feed(b"ow HT")

    assert served.connection.since == since
    await served.over()


async def test_a_body_that_does_not_come_is_a_timeout() -> None:
    served = Served(QUICK)
    served.transport.feed(post("/v1/body")[:-1])
    served.sweep(59)
    assert isinstance(served.connection, Connection)

    served.sweep(61)
    for _ in range(5):
        await turns()

    assert served.transport.statuses == [408]
    assert served.transport.header("connection") == "close"
    await served.over()


async def test_our_own_answer_may_take_its_time() -> None:
    served = Served(QUICK)
    served.transport.feed(get("/later"))

    served.sweep(10_000)

    assert not served.transport.closed
    assert not served.transport.aborted
    await served.over()


# Who reads


@pytest.mark.parametrize("odd", [chunked("/v1/body"), b"GET http://a/now HTTP/1.1\r\nHost: a\r\n\r\n"])
async def test_what_is_not_plain_is_aiohttps_from_then_on(odd: bytes) -> None:
    served = Served()
    served.transport.feed(get("/now") + odd + get("/now"))
    for _ in range(5):
        await turns()

    assert isinstance(served.connection, Foreign)
    assert served.transport.statuses == [200, 200, 200]
    await served.over()


# Buffers


async def test_what_is_held_behind_an_answer_is_bounded() -> None:
    served = Served()
    served.transport.feed(get("/later") + get("/now") * (MOST_HELD // len(get("/now"))))
    assert served.transport.reading
    served.transport.feed(get("/now") * 10)
    assert not served.transport.reading

    served.later.go.set()
    for _ in range(100):
        await turns()

    assert served.transport.reading
    assert served.transport.answers == 1 + MOST_HELD // len(get("/now")) + 10
    await served.over()


async def test_what_waits_in_the_transport_is_bounded() -> None:
    served = Served()

    assert served.transport.high == MOST_WAITING
    await served.over()


async def test_what_waits_in_the_kernel_is_bounded() -> None:
    served = Served()
    with socket.socket() as found:
        transport = Notes(served.server(), {"socket": found})
        assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == MOST_UNSENT
    await transport.hang_up()
    await served.over()


async def test_nothing_is_answered_while_the_client_takes_nothing() -> None:
    served = Served()
    served.connection.pause_writing()
    served.transport.feed(get("/now"))
    assert served.transport.answers == 0

    served.connection.resume_writing()
    assert served.transport.answers == 1
    await served.over()
