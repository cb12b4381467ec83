"""Many of them at once: slow ones, stalled ones, and ones that leave together."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.end_to_end.test_hang_up import until
from tests.end_to_end.upstream import HANG, STREAM_HEAD, Received, delta, event
from tests.hostile.line import Line
from tests.hostile.site import MIB, Site, chat, unique
from tests.hostile.strict import read
from tests.hostile.tree import Stopwatch

READERS, RESETS, SLOW = 1_000, 500, 300
WARM = 200
"""Readers before those that are measured: what malloc keeps of a crowd that comes at once is no part of a reader's cost."""
EACH = 0.001
"""Seconds of the loop that one of many resets in the same moment may cost."""
STALLED = 100 << 10
"""Bytes of memory that a stalled reader may cost."""


async def long(_: Received) -> AsyncIterator[Any]:
    """More than any reader here takes."""
    yield STREAM_HEAD
    while True:
        yield event(delta("x" * 16_000))


@contextmanager
def crowd(site: Site, count: int, **options: Any) -> Iterator[list[Line]]:
    """So many connections."""
    with ExitStack() as stack:
        yield [stack.enter_context(site.line(**options)) for _ in range(count)]


def worker(site: Site) -> Stopwatch:
    """A watch over the process that answers calls."""
    with site.line() as line:
        return Stopwatch(site.tree.peer_of(line.port))


def steady(site: Site) -> int:
    """Bytes of memory once they grow no more, or after half a minute."""
    before = site.tree.resident()
    for _ in range(30):
        time.sleep(1)
        now = site.tree.resident()
        if now < before + MIB:
            return now
        before = now
    return before


def test_readers_that_stall_hold_next_to_nothing(launch: Callable[..., Site]) -> None:
    site = launch()
    site.provider.answer = long
    with crowd(site, WARM, window=4096) as warm:
        for line in warm:
            line.send(site.request(chat(unique(), stream=True)))
        steady(site)
    until(lambda: site.provider.open == 0)
    before = steady(site)
    with crowd(site, READERS, window=4096) as lines:
        for line in lines:
            line.send(site.request(chat(unique(), stream=True)))
        until(lambda: len(site.provider.calls) >= READERS + WARM, 120)
        grown = steady(site) - before
        with site.probe() as probe:
            time.sleep(1)
        watch = worker(site)
        for line in lines:
            line.reset()

    until(lambda: site.provider.open == 0, 120)
    assert watch.seconds < 5
    assert probe.stalls == []
    assert grown / READERS < STALLED


@pytest.mark.parametrize("letters", ["a", "é", "0a", " \n", "x" * 63 + " "], ids=repr)
def test_resets_at_once_with_hostile_text_are_settled_soon(site: Site, letters: str) -> None:
    text = (letters * 60_000)[:48_000]

    async def begun(_: Received) -> AsyncIterator[Any]:
        yield STREAM_HEAD + event(delta(text))
        yield HANG

    site.provider.answer = begun
    with crowd(site, RESETS, window=4096) as lines, site.probe() as probe:
        for line in lines:
            line.send(site.request(chat(unique(), stream=True)))
        until(lambda: len(site.provider.calls) == RESETS, 120)
        for line in lines:
            line.some(until=b"200 OK")
        watch = worker(site)
        for line in lines:
            line.reset()
        until(lambda: site.provider.open == 0, 120)
        seconds = watch.seconds

    assert seconds < 5
    assert probe.worst < RESETS * EACH
    rows = site.rows(RESETS)
    assert {row["outcome"] for row in rows} == {"hung_up"}
    assert min(row["cost_pico"] for row in rows) > 0


def test_slow_heads_hold_nobody_up(site: Site) -> None:
    request = site.request(chat(unique()), lines=["connection: close"])
    with crowd(site, SLOW) as slow, crowd(site, SLOW // 3) as half, site.probe() as probe:
        for line in half:
            line.send(request[:-1])
        for at in range(8):
            for line in slow:
                line.send(request[at : at + 1])
            assert site.ask(unique()).sound
            time.sleep(0.1)
        began = time.monotonic()
        for line in slow:
            assert all(answer.status in (400, 408) for answer in read(line.rest(), reset=line.was_reset))
        for line in half:
            assert all(answer.status == 408 for answer in read(line.rest(), reset=line.was_reset))
        assert time.monotonic() - began < 30

    assert probe.stalls == []
    assert len(site.provider.calls) == 8
