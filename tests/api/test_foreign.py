"""A connection whose requests aiohttp reads."""

from __future__ import annotations

import asyncio

import pytest

from gateway.api.foreign import LARGEST_HEAD, Foreign
from gateway.api.request import ServerOptions
from gateway.api.states import ANSWER, CLOSED, HEAD, NEXT
from tests.api.notes import Served, chunked, get, turns

QUICK = ServerOptions(header_timeout=15, body_timeout=60, keepalive=75)


async def handed_over(sent: bytes = chunked("/v1/body"), options: ServerOptions = QUICK) -> Served:
    """A connection that is aiohttp's, and has answered what was sent as far as it could."""
    served = Served(options)
    served.transport.feed(sent)
    assert isinstance(served.connection, Foreign)
    for _ in range(3):
        await turns()
    return served


async def test_a_request_in_pieces() -> None:
    served = await handed_over()
    served.transport.feed(b"POST /v1/body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nx")
    await turns()
    assert served.connection.state is HEAD
    served.transport.feed(b": y\r\n\r\n3\r\na")
    await turns()
    assert served.connection.state is ANSWER
    served.transport.feed(b"bc\r\n0\r\n\r\n")
    await turns()

    assert served.transport.statuses == [200, 200]
    assert served.body.bodies == [b"{}", b"abc"]
    assert served.connection.state is NEXT
    await served.over()


@pytest.mark.parametrize(
    ("then", "bound"),
    [(b"", 75), (b"GET /n", 15), (get("/now"), 75), (get("/now") + b"GET /n", 75)],
    ids=["idle", "half of a second head", "idle after a second", "half a head in one packet with a request"],
)
async def test_every_wait_for_the_client_has_an_end(then: bytes, bound: float) -> None:
    served = await handed_over()
    if then:
        served.transport.feed(then)
        await turns()

    served.sweep(bound - 1)
    assert not served.transport.closed
    served.sweep(bound + 1)
    assert served.transport.closed
    await served.over()


async def test_a_head_that_came_during_an_answer_is_a_head_after_it() -> None:
    served = Served(QUICK)
    served.transport.feed(get("/later", "Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n")
    await turns()
    served.transport.feed(b"GET /n")

    served.later.go.set()
    await turns()

    assert served.connection.state is HEAD
    served.sweep(16)
    assert served.transport.closed
    await served.over()


@pytest.mark.parametrize("pieces", [1, 50])
async def test_a_head_is_bounded(pieces: int) -> None:
    lines = [f"x-{number}: {'v' * 1_000}\r\n" for number in range(LARGEST_HEAD // 1_000 + 1)]
    sent = "".join(["GET /now HTTP/1.1\r\nHost: a\r\n", *lines, "\r\n"]).encode()
    served = await handed_over(sent[: LARGEST_HEAD // 4])
    rest = sent[LARGEST_HEAD // 4 :]
    for start in range(0, len(rest), step := -(-len(rest) // pieces)):
        if not served.transport.closed:
            served.transport.feed(rest[start : start + step])
    await turns()

    assert served.transport.statuses == [431]
    assert served.transport.closed
    await served.over()


async def test_a_head_that_never_ends_is_not_kept() -> None:
    served = await handed_over()
    served.transport.feed(b"GET /now HTTP/1.1\r\n")
    for number in range(1_000):
        if not served.transport.closed:
            served.transport.feed(f"x-{number}: {'v' * 1_000}\r\n".encode())

    assert served.transport.statuses in ([200, 431], [200, 400])
    assert served.transport.closed
    await served.over()


async def test_a_body_over_the_limit_is_refused_before_it_comes() -> None:
    served = await handed_over(
        b"POST /v1/body HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", ServerOptions(max_body=1_000)
    )

    assert served.transport.statuses == [413]
    assert served.transport.header("connection") == "close"
    await served.over()


async def test_a_chunked_body_over_the_limit_is_not_read_on() -> None:
    served = await handed_over(chunked("/v1/body", b"x" * 2_000), ServerOptions(max_body=1_000))

    assert served.transport.statuses == [413]
    assert served.body.bodies == []
    await served.over()


async def test_a_body_that_does_not_come_on_is_a_timeout() -> None:
    served = await handed_over(chunked("/v1/body")[:-3], ServerOptions(body_timeout=0.01))
    await asyncio.sleep(0.05)

    assert served.transport.statuses == [408]
    await served.over()


async def test_a_broken_body_is_a_400() -> None:
    served = await handed_over(chunked("/v1/body").replace(b"2\r\n", b"zz\r\n"))

    assert served.transport.statuses == [400]
    assert served.transport.closed
    await served.over()


async def test_a_client_that_waits_to_be_asked_for_its_body_is_asked() -> None:
    served = await handed_over(
        b"POST /v1/body HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    )
    assert served.transport.statuses == [100]

    served.transport.feed(b"{}")
    await turns()
    assert served.transport.statuses == [100, 200]
    await served.over()


@pytest.mark.parametrize("leaving", ["lost", "eof"])
async def test_a_client_that_leaves_leaves_nothing_behind(leaving: str) -> None:
    served = await handed_over(get("/later", "Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n")
    assert served.later.waiting == 1

    if leaving == "eof":
        served.connection.eof_received()
        await turns()
        assert served.later.waiting == 0
    await served.over()

    assert served.later.waiting == 0
    assert served.connection.state is CLOSED
    assert len(served.server.sweeper) == 0


async def test_what_is_no_request_is_told_so_with_an_id() -> None:
    served = await handed_over(b"GET / HTTP/9.9\r\n\r\n")

    assert served.transport.statuses == [400]
    assert (served.transport.header("x-gateway-id") or "").startswith("req_")
    assert served.transport.header("content-type") == "application/json"
    await served.over()


async def test_requests_sent_ahead_are_bounded() -> None:
    served = await handed_over(get("/later", "Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n")
    served.transport.feed(get("/now") * 1_000)
    assert not served.transport.reading
    assert len(served.connection._messages) <= 32

    served.later.go.set()
    for _ in range(1_000):
        await turns()

    assert served.transport.answers == 1_001
    assert served.transport.reading
    await served.over()


async def test_a_body_that_nobody_reads_is_bounded() -> None:
    head = b"GET /later HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n"
    served = await handed_over(head + b"x" * 100_000)
    fed = 100_000
    while served.transport.reading:
        served.transport.feed(b"x" * 10_000)
        fed += 10_000
    await turns()

    assert fed <= 256 << 10
    await served.over()


async def test_a_client_that_leaves_while_its_refused_body_is_read_is_no_fault(
    caplog: pytest.LogCaptureFixture,
) -> None:
    head = b"POST /v1/body HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n"
    served = await handed_over(head + b"x" * 100_000, ServerOptions(max_body=1_000))
    assert served.transport.statuses == [413]
    for _ in range(3):
        await turns()
        served.transport.feed(b"x" * 10_000)

    await served.over()

    assert caplog.records == []


async def test_a_client_that_is_given_up_while_its_body_is_read_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    served = await handed_over(chunked("/v1/body")[:-8])
    served.transport.feed(b"}")
    served.connection.give_up()
    await turns()

    await served.over()

    assert served.body.bodies == []
    assert caplog.records == []


@pytest.mark.parametrize("upgrade", ["h2c", "websocket", "H2C, other"])
@pytest.mark.parametrize("first", [get("/now"), chunked("/v1/body")], ids=["GET", "chunked"])
async def test_an_upgrade_is_not_made_and_what_follows_is_answered_or_known_to_be_lost(
    first: bytes, upgrade: str
) -> None:
    asking = first.replace(b"Host", f"Connection: Upgrade\r\nUpgrade: {upgrade}\r\nHost".encode())
    served = await handed_over(asking + get("/now"))

    told = served.transport.header("connection") == "close"
    assert told is served.transport.closed
    assert served.transport.statuses == ([200] if told else [200, 200])
    await served.over()


@pytest.mark.parametrize(
    "coding", ["gzip, chunked", "gzip,chunked", "identity, chunked", "gzip\r\nTransfer-Encoding: chunked"]
)
async def test_a_transfer_encoding_that_nobody_undoes_is_refused(coding: str) -> None:
    sent = chunked("/v1/body").replace(b"chunked", coding.encode()) + get("/now")
    served = await handed_over(sent)

    assert served.transport.statuses == [400]
    assert served.transport.closed
    assert served.body.bodies == []
    await served.over()


@pytest.mark.parametrize("coding", ["chunked", "Chunked", " chunked "])
async def test_chunked_is_read_in_any_case(coding: str) -> None:
    served = await handed_over(chunked("/v1/body").replace(b"chunked", coding.encode()))

    assert served.body.bodies == [b"{}"]
    await served.over()
