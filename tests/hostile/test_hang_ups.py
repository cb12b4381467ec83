"""Clients that leave at every point of a call, in either way: the provider is let go and the books are right."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest

from tests.end_to_end.test_hang_up import until
from tests.end_to_end.upstream import END, HANG, STREAM_HEAD, Received, delta, event
from tests.hostile.line import Line
from tests.hostile.site import Site, chat, unique

BEGUN = STREAM_HEAD + event(delta("Half an ans"))


def hangs(*steps: Any) -> Callable[[Received], AsyncIterator[Any]]:
    async def play(_: Received) -> AsyncIterator[Any]:
        for step in steps:
            yield step
        yield HANG

    return play


FAILED = (b"HTTP/1.1 500 No\r\ncontent-length: 999\r\n\r\n{",)
PHASES: dict[str, tuple[tuple[Any, ...], bytes]] = {
    "before the head": ((), b""),
    "after the head": ((STREAM_HEAD,), b""),
    "after a role": ((STREAM_HEAD, event(delta("", role="assistant"))), b""),
    "in mid-stream": ((BEGUN,), b"Half an ans"),
    "after the finish": ((BEGUN, event(delta(finish="stop"))), b'"stop"'),
    "after [DONE]": ((BEGUN, event(delta(finish="stop")), event(b"[DONE]")), b"Half an ans"),
    "in a chunk": ((BEGUN, b"ff\r\ndata: {"), b"Half an ans"),
    "in a whole answer": ((b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{",), b""),
    "in an error": (FAILED, b""),
}
WAYS: dict[str, Callable[[Line], None]] = {"closes": Line.close, "resets": Line.reset}


@pytest.mark.parametrize("leave", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("steps", "seen"), PHASES.values(), ids=PHASES)
def test_a_client_that_leaves_while_the_provider_is_at_work(
    site: Site, steps: tuple[Any, ...], seen: bytes, leave: Callable[[Line], None]
) -> None:
    site.provider.answer = hangs(*steps)
    with site.line() as line:
        line.send(site.request(chat(unique(), stream=True)))
        until(lambda: site.provider.calls)
        if seen:
            line.some(until=seen)
        leave(line)

    until(lambda: site.provider.hung_up == 1)
    (row,) = site.rows()
    assert row["outcome"] in ("hung_up", "ok")
    assert row["cost_pico"] > 0 or steps == FAILED, "the provider was at work"


@pytest.mark.parametrize("leave", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("chunked", [False, True], ids=["a length", "chunks"])
def test_a_client_that_leaves_within_its_request(site: Site, chunked: bool, leave: Callable[[Line], None]) -> None:
    body = chat(unique())
    request = site.request(body)
    if chunked:
        request = request.replace(b"content-length: %d" % len(body), b"transfer-encoding: chunked")
        request = request[: -len(body)] + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    for at in range(0, len(request), 3):
        with site.line() as line:
            line.send(request[:at])
            leave(line)

    assert site.provider.calls == []
    assert all(row["cost_pico"] == 0 for row in site.gateway.rows())


@pytest.mark.parametrize("leave", WAYS.values(), ids=WAYS)
def test_a_client_that_leaves_with_requests_sent_ahead(site: Site, leave: Callable[[Line], None]) -> None:
    site.provider.answer = hangs(BEGUN)
    with site.line() as line:
        line.send(b"".join(site.request(chat(unique(), stream=True)) for _ in range(20)))
        line.some(until=b"Half an ans")
        leave(line)

    until(lambda: site.provider.hung_up == 1)
    assert len(site.provider.calls) == 1


def test_clients_that_leave_at_any_moment(site: Site) -> None:
    """Hundreds of them, at moments of their own; nothing stays open, and every call that was paid for is booked."""
    chance = Random(18)
    questions = [unique() for _ in range(12)]

    async def paced(_: Received) -> AsyncIterator[Any]:
        yield STREAM_HEAD
        for word in ("one", "two", "three", "four"):
            await asyncio.sleep(0.004)
            yield event(delta(word))
        yield event(delta(finish="stop")) + event(b"[DONE]")
        yield END

    def leave(number: int) -> None:
        with site.line() as line:
            line.send(site.request(chat(chance.choice(questions), stream=chance.random() < 0.5, seed=number % 40)))
            line.wait(chance.random() * 0.03)
            chance.choice((Line.close, Line.reset))(line)

    site.provider.answer = paced
    with site.probe() as probe, ThreadPoolExecutor(8) as pool:
        list(pool.map(leave, range(600)))

    assert probe.stalls == []
    until(lambda: sum(row["attempts"] for row in site.gateway.rows()) >= len(site.provider.calls))
