"""What providers do on the wire: cuts, floods, bombs and late bytes cost one call at most, and never much memory."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest

from tests.end_to_end.answers import sends
from tests.end_to_end.upstream import (
    CLOSE,
    END,
    RESET,
    STREAM_HEAD,
    Received,
    chunk,
    delta,
    event,
    response,
    whole,
)
from tests.hostile.judging import kept_rightly
from tests.hostile.mutation import spell
from tests.hostile.providers import HEADERS
from tests.hostile.scripts import bit, completion, piece, said, script
from tests.hostile.site import MIB, Site, bomb, unique
from tests.hostile.strict import Answer

ANSWER = response(200, spell(completion([said()])))
STREAM = (
    STREAM_HEAD + b"".join(map(event, (piece([bit(content="Yes.")]), piece([bit(finish="stop")]), b"[DONE]"))) + END
)
CLOSED = b"HTTP/1.1 200 OK\r\n\r\n"
SHORT = {
    "whole": (False, ANSWER),
    "stream": (True, STREAM),
    "stream without framing": (
        True,
        CLOSED + b"data: " + spell(piece([bit(content="Yes.")])) + b"\n\ndata: [DONE]\n\n",
    ),
}


@pytest.mark.parametrize("leaves", [CLOSE, RESET], ids=["closed", "reset"])
@pytest.mark.parametrize(("stream", "data"), SHORT.values(), ids=SHORT)
def test_an_answer_cut_after_each_of_its_bytes(site: Site, stream: bool, data: bytes, leaves: Any) -> None:
    cuts = range(len(data))
    questions = {at: unique(f"Cut after {at}") for at in cuts}
    by_question = {question.encode(): at for at, question in questions.items()}
    healthy: set[int] = set()

    def answer(request: Received) -> AsyncIterator[Any]:
        at = next(at for question, at in by_question.items() if question in request.body)
        return whole("Healed.") if at in healthy else sends(data[:at], leaves)

    def cut_at(at: int) -> None:
        first = site.ask(questions[at], stream=stream)
        healthy.add(at)
        again = site.ask(questions[at])
        kept_rightly(first, again)

    site.provider.answer = answer
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(cut_at, cuts))


def test_a_last_chunk_that_comes_late_does_not_cost_a_connection(site: Site) -> None:
    far_too_late = 0

    async def late(_: Received) -> AsyncIterator[Any]:
        nonlocal far_too_late
        yield STREAM_HEAD + event(delta("Yes.", finish="stop")) + event(b"[DONE]")
        began = time.monotonic()
        await asyncio.sleep(0.005)
        far_too_late += time.monotonic() - began > 0.015  # on a busy machine
        yield END

    site.provider.reset().answer = late
    for _ in range(100):
        assert site.ask(unique(), stream=True).sound
    assert site.provider.accepted <= 3 + far_too_late


def test_a_provider_that_closes_idle_connections_costs_hardly_a_call(site: Site) -> None:
    """What it may have read in its last moment must not be sent twice; anything else goes over another connection."""
    chance = Random(6)
    site.provider.keepalive = lambda: chance.random() * 0.012

    def ask(_: int) -> Answer:
        time.sleep(chance.random() * 0.012)
        return site.ask(unique())

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(300)))
    lost = [answer for answer in answers if not answer.sound]
    asked = [received.body for received in site.provider.calls]
    assert len(lost) <= 6
    assert all(answer.error and answer.error["code"] == "upstream_interrupted" for answer in lost)
    assert len(asked) == len(set(asked)), "nothing was sent twice"
    assert len(asked) >= len(answers) - len(lost)
    assert 20 < site.provider.accepted < 200, "some connections were closed, and some used again"


def test_an_attempt_that_may_have_been_paid_for_is_an_attempt(site: Site) -> None:
    """A provider that reads the request, works and closes without a byte, on a connection that has been used before."""
    site.ask(unique())

    async def mute(_: Received) -> AsyncIterator[Any]:
        await asyncio.sleep(0.7)
        yield CLOSE

    site.provider.reset().answer = mute
    answer = site.ask(unique())

    row = site.rows(2)[-1]
    assert len(site.provider.calls) == row["attempts"]
    assert answer.status == 502


FLOODS: dict[str, tuple[bytes, bytes]] = {
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 400),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n" * 400),
    "blank lines": (b"", b"\r\n" * 8_000),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"x-flood: " + b"f" * 1_000 + b"\r\n"),
    "one header": (b"HTTP/1.1 200 OK\r\nx-flood: ", b"f" * 16_000),
    "a header's name": (b"HTTP/1.1 200 OK\r\n", b"f" * 16_000),
    "a status line": (b"HTTP/1.1 200 ", b"O" * 16_000),
    "a chunk's extension": (STREAM_HEAD + b"5;", b"e" * 16_000),
    "trailers": (STREAM_HEAD + b"0\r\n", b"x-flood: " + b"f" * 1_000 + b"\r\n"),
    "a chunk's size": (STREAM_HEAD, b"0" * 16_000),
    "comments": (STREAM_HEAD, chunk(b": " + b"c" * 16_000 + b"\n")),
    "blank events": (STREAM_HEAD, chunk(b"data: \n\n" * 2_000)),
    "an event without an end": (STREAM_HEAD, chunk(b"data: " + b"e" * 16_000)),
    "a line without an end": (STREAM_HEAD, chunk(b"x" * 16_000)),
    "roles": (STREAM_HEAD, event(piece([bit(role="assistant")], padding="p" * 16_000))),
    "a body without an end": (CLOSED, b" " * 16_000),
    "a string without an end": (CLOSED + b'{"choices":[{"message":{"content":"', b"x" * 16_000),
    "spaces in an object": (CLOSED + b"{", b" " * 16_000),
    "choices without an end": (CLOSED + b'{"choices":[{}', b',{"index":0}' * 1_500),
    "an error without an end": (b"HTTP/1.1 500 No\r\n\r\n", b" " * 16_000),
}


HARMLESS_ONE_BY_ONE = [FLOODS[name][1] for name in ("blank events", "roles")]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("start", "more"), FLOODS.values(), ids=FLOODS)
def test_a_flood_is_dammed(site: Site, start: bytes, more: bytes, stream: bool) -> None:
    sent = 0

    async def flood(request: Received) -> AsyncIterator[Any]:
        nonlocal sent
        yield start
        for _ in range((40 * MIB) // len(more)):
            yield more
            sent += len(more)
        yield CLOSE

    site.provider.answer = flood
    site.tree.forget_peak()
    before = site.tree.resident()
    with site.probe() as probe:
        answer = site.ask(unique(), stream=stream)

    assert not answer.sound
    assert answer.error is not None
    if stream and more in HARMLESS_ONE_BY_ONE:
        assert answer.error["code"] == "upstream_interrupted", "it passes until the provider closes"
    else:
        assert answer.status == 502
        assert answer.error["code"] in ("upstream_invalid_response", "upstream_error")
        assert sent < 28 * MIB, "more than an answer may have, and what sockets hold, is not read"
    assert probe.stalls == []
    assert site.tree.peak() - before < 32 * MIB


def packed(data: bytes, *, encoding: str = "gzip", status: int = 200, kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-encoding: {encoding}\r\ncontent-length: {len(data)}\r\n\r\n"
    return head.encode() + data


EVENTS = "text/event-stream"
SIZE = 240 * MIB
DELTA = b"data: " + spell(piece([bit(content="x" * (16_384 - 135))])) + b"\n\n"
BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: packed(bomb(b" ", SIZE)),
    "deflate": lambda: packed(bomb(b" ", SIZE, wbits=zlib.MAX_WBITS), encoding="deflate"),
    "an error": lambda: packed(bomb(b" ", SIZE), status=500),
    "an event": lambda: packed(bomb(b"data: e", SIZE), kind=EVENTS),
    "comments": lambda: packed(bomb(b": c\n", SIZE), kind=EVENTS),
    "blank lines": lambda: packed(bomb(b"\n", SIZE), kind=EVENTS),
    "blank events": lambda: packed(bomb(b"data:\n\n", SIZE), kind=EVENTS),
    "a string": lambda: packed(bomb(b"x", SIZE, start=b'{"choices":[{"message":{"content":"')),
    "choices": lambda: packed(bomb(b',{"index":0}', SIZE, start=b'{"choices":[{}')),
    "deltas": lambda: packed(bomb(DELTA, SIZE), kind=EVENTS),
    "twice": lambda: packed(gzip.compress(bomb(b" ", SIZE)), encoding="gzip, gzip"),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("size", [2_000, MIB], ids=["in pieces", "at once"])
@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_does_not_go_off(site: Site, kind: str, size: int, stream: bool) -> None:
    data = BOMBS[kind]()

    async def send(_: Received) -> AsyncIterator[Any]:
        for at in range(0, len(data), size):
            yield data[at : at + size]
            await asyncio.sleep(0.002)
        yield CLOSE

    site.provider.answer = send
    site.tree.forget_peak()
    before = site.tree.resident()
    with site.probe() as probe:
        answer = site.ask(unique(), stream=stream)

    assert not answer.sound
    assert answer.status != 500
    assert site.tree.peak() - before < 64 * MIB
    assert probe.stalls == []


PASSED_ON = {"content-type", "content-length", "transfer-encoding", "connection", "cache-control", "x-accel-buffering"}
PASSED_ON |= {"x-request-id", "retry-after", "retry-after-ms", "x-should-retry"}


@pytest.mark.parametrize("status", [200, 400, 429, 503])
@pytest.mark.parametrize("line", HEADERS, ids=lambda line: line[:30])
def test_only_known_headers_of_a_provider_pass(site: Site, line: str, status: int) -> None:
    body = spell(completion([said()])) if status == 200 else b'{"error":{"message":"no","code":"c"}}'
    head = f"HTTP/1.1 {status} X\r\n{line}\r\ncontent-length: {len(body)}\r\n\r\n".encode("latin-1")

    site.provider.answer = script(head + body, CLOSE)
    answer = site.ask(unique())

    names = {name for name in answer.headers if not name.startswith(("x-gateway-", "x-ratelimit-"))}
    assert names <= PASSED_ON
    assert answer.id != "theirs"
    assert len(answer.headers.get("retry-after", "")) < 64
    assert answer.status in (200, status, 502, 504)
