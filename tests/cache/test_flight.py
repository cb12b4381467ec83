"""A flight: one upstream call, many readers, each at its own pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from gateway.cache import flight as module
from gateway.cache.flight import WINDOW, Cursor, Flight
from gateway.cache.flights import Flights
from gateway.errors import UpstreamInterrupted, UpstreamTimeout

FOREVER = 3600.0


def flight(*, stream: bool = True, limit: int = 1 << 20) -> Flight:
    return Flights(limit=limit).open(None, stream=stream)


async def turns() -> None:
    """Lets every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def read(cursor: Cursor) -> list[bytes]:
    with cursor:
        return [chunk async for chunk in cursor]


def reading(cursor: Cursor) -> asyncio.Task[list[bytes]]:
    return asyncio.create_task(read(cursor))


async def test_everyone_reads_everything_in_order() -> None:
    shared = flight()
    readers = [reading(shared.cursor()) for _ in range(3)]
    await turns()

    for piece in (b"a", b"b", b"c"):
        shared.feed(piece, True)
        await turns()
    shared.end()

    assert await asyncio.gather(*readers) == [[b"a", b"b", b"c"]] * 3


async def test_who_joins_late_gets_what_has_come_and_then_the_rest_live() -> None:
    shared = flight()
    first = reading(shared.cursor())
    shared.feed(b"a", True)
    shared.feed(b"b", True)
    await turns()

    late = shared.cursor()
    assert [await anext(late), await anext(late)] == [b"a", b"b"]
    waiting = reading(late)
    shared.feed(b"c", True)
    shared.end()

    assert await waiting == [b"c"]
    assert await first == [b"a", b"b", b"c"]


async def test_empty_reads_are_not_passed_on() -> None:
    shared = flight()
    reader = reading(shared.cursor())

    shared.feed(b"", True)
    shared.feed(b"a", True)
    shared.end()

    assert await reader == [b"a"]


async def test_a_failure_is_told_after_what_came_before_it() -> None:
    shared = flight()
    cursors = [shared.cursor(), shared.cursor()]
    shared.feed(b"a", True)

    shared.fail(UpstreamTimeout("late"))

    for cursor in cursors:
        assert await anext(cursor) == b"a"
        with pytest.raises(UpstreamTimeout, match="late"):
            await anext(cursor)


async def test_start_up_events_are_held_until_there_is_content() -> None:
    shared = flight()
    reader = reading(shared.cursor())

    shared.feed(b"role", False)
    await turns()
    assert not shared.showing
    shared.feed(b"text", True)
    shared.end()

    assert shared.showing
    assert await reader == [b"role", b"text"]


async def test_a_failure_before_content_is_the_failure_of_a_call_that_showed_nothing() -> None:
    shared = flight()
    cursor = shared.cursor()
    shared.feed(b"role", False)

    assert not shared.showing, "the pipeline may still try the next step"
    shared.fail(UpstreamTimeout())

    with pytest.raises(UpstreamTimeout):
        await read(cursor)


async def test_without_content_start_up_events_are_shown_after_the_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOLD_SECONDS", 0.01)
    shared = flight()
    cursor = shared.cursor()

    shared.feed(b"role", False)

    assert await anext(cursor) == b"role"
    assert shared.showing


async def test_the_hold_is_ten_seconds_from_the_first_event_and_ends_with_content() -> None:
    loop = asyncio.get_running_loop()
    timers: list[tuple[float, Callable[[], None]]] = []
    cancelled: list[None] = []

    class Timer:
        def cancel(self) -> None:
            cancelled.append(None)

    def call_later(delay: float, callback: Callable[[], None]) -> Timer:
        timers.append((delay, callback))
        return Timer()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "call_later", call_later)
        shared = flight()
        shared.feed(b"role", False)
        shared.feed(b"more", False)
        assert [delay for delay, _ in timers] == [10.0]
        shared.feed(b"text", True)

    assert len(cancelled) == 1


async def test_a_whole_answer_is_shown_when_it_is_whole_and_in_one_piece() -> None:
    shared = flight(stream=False)
    reader = reading(shared.cursor())

    for piece in (b"{", b'"a":1', b"}"):
        shared.feed(piece, True)
        await asyncio.wait_for(shared.room(), 1)
        await turns()
    assert not reader.done()
    assert not shared.showing
    assert shared.transcript() == b'{"a":1}'
    shared.end()

    assert await reader == [b'{"a":1}']


async def test_a_whole_answer_beyond_the_window_and_the_limit_arrives_whole() -> None:
    shared = flight(stream=False, limit=100)
    cursors = [shared.cursor(), shared.cursor()]
    for _ in range(4):
        shared.feed(b"x" * WINDOW, True)
        await asyncio.wait_for(shared.room(), 1)
    assert shared.transcript() is None
    shared.end()

    for cursor in cursors:
        assert len(b"".join(await read(cursor))) == 4 * WINDOW


@pytest.mark.parametrize("stream", [True, False])
async def test_after_a_restart_nothing_of_the_failed_attempt_is_left(stream: bool) -> None:
    shared = flight(stream=stream)
    reader = reading(shared.cursor())
    shared.feed(b"a failed attempt", False)
    await turns()
    assert not shared.showing

    shared.restart()
    shared.feed(b"the answer", True)
    assert shared.transcript() == b"the answer"
    shared.end()

    assert await reader == [b"the answer"]


async def test_a_restart_begins_another_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOLD_SECONDS", 0.05)
    shared = flight()
    reader = reading(shared.cursor())
    shared.feed(b"a failed attempt", False)
    await asyncio.sleep(0.04)
    shared.restart()
    await asyncio.sleep(0.03)
    assert not shared.showing, "the failed attempt's hold is over with it"

    shared.feed(b"role", False)
    await asyncio.sleep(0.06)

    assert shared.showing
    shared.end()
    assert await reader == [b"role"]


async def test_a_flight_that_shows_something_is_not_restarted() -> None:
    shared = flight()
    shared.feed(b"text", True)

    with pytest.raises(AssertionError):
        shared.restart()


async def test_a_flight_waits_for_its_fastest_reader() -> None:
    shared = flight(limit=10 * WINDOW)
    fast, _slow = shared.cursor(), shared.cursor()
    for _ in range(3):
        shared.feed(b"x" * (WINDOW // 2), True)
    room = asyncio.create_task(shared.room())
    await turns()
    assert not room.done()

    await anext(fast)
    await turns()

    assert room.done(), "the slow one does not hold the fast one up"


async def test_there_is_room_at_once_within_the_window() -> None:
    shared = flight()
    cursor = shared.cursor()
    shared.feed(b"x" * WINDOW, True)

    await asyncio.wait_for(shared.room(), 1)

    assert await anext(cursor)


async def test_a_stalled_reader_that_leaves_makes_room() -> None:
    shared = flight(limit=10 * WINDOW)
    shared.launch(asyncio.sleep(FOREVER))
    stalled = shared.cursor()
    shared.feed(b"x" * (WINDOW + 1), True)
    room = asyncio.create_task(shared.room())
    await turns()

    shared.leave(stalled)
    await turns()

    assert room.done()


async def test_a_laggard_loses_its_place_before_memory_is_lost_to_it() -> None:
    shared = flight(limit=100)
    fast, laggard = shared.cursor(), shared.cursor()
    piece = b"x" * 1000

    for _ in range((2 * 100 + WINDOW) // 1000 + 10):
        shared.feed(piece, True)
        assert await anext(fast) == piece

    with pytest.raises(UpstreamInterrupted, match="too far behind"):
        await anext(laggard)
    shared.end()
    assert await read(fast) == []


async def test_a_transcript_is_all_that_was_fed() -> None:
    shared = flight()
    shared.feed(b"a", False)
    shared.feed(b"b", True)

    assert shared.transcript() == b"ab"


async def test_the_last_reader_to_leave_cancels_the_flight() -> None:
    shared = flight()
    landed = asyncio.Event()

    async def pilot() -> None:
        try:
            await asyncio.sleep(FOREVER)
        finally:
            landed.set()

    shared.launch(pilot())
    first, second = reading(shared.cursor()), reading(shared.cursor())
    await turns()

    first.cancel()
    await turns()
    assert not landed.is_set(), "the leader's hang-up does not hurt a follower"
    shared.feed(b"a", True)
    second.cancel()
    await turns()

    assert landed.is_set()


async def test_a_flight_that_has_ended_is_not_cancelled() -> None:
    shared = flight()
    booked = asyncio.Event()

    async def pilot() -> None:
        shared.feed(b"a", True)
        shared.end()
        await turns()
        booked.set()

    shared.launch(pilot())
    assert await read(shared.cursor()) == [b"a"]

    await asyncio.wait_for(booked.wait(), 1)


async def test_an_ending_after_the_end_changes_nothing() -> None:
    """Exactly one of `end` and `fail`."""
    failed, ended = flight(), flight()
    failed.fail(UpstreamTimeout("first"))
    failed.end()
    failed.fail(UpstreamInterrupted("second"))
    ended.end()
    ended.fail(UpstreamTimeout("after the end"))

    with pytest.raises(UpstreamTimeout, match="first"):
        await read(failed.cursor())
    assert await read(ended.cursor()) == []


async def test_every_reader_is_told_of_a_failure() -> None:
    shared = flight()
    readers = [reading(shared.cursor()) for _ in range(3)]
    await turns()

    shared.fail(UpstreamTimeout("late"))
    errors = await asyncio.gather(*readers, return_exceptions=True)

    assert [str(error) for error in errors] == ["late"] * 3


async def test_an_aborted_flight_ends_upstream_too() -> None:
    shared = flight()
    landed = asyncio.Event()

    async def pilot() -> None:
        try:
            await asyncio.sleep(FOREVER)
        finally:
            landed.set()

    shared.launch(pilot())
    reader = reading(shared.cursor())
    shared.feed(b"a", True)
    await turns()

    shared.abort(UpstreamTimeout("over"))

    with pytest.raises(UpstreamTimeout, match="over"):
        await reader
    await asyncio.wait_for(landed.wait(), 1)


async def test_a_flight_that_keeps_nothing_holds_what_is_unread_only() -> None:
    flights = Flights(limit=1 << 20)
    shared = flights.open(None, stream=True, keeps=False)
    cursor = shared.cursor()

    for _ in range(100):
        shared.feed(b"x" * 1000, True)
        await anext(cursor)
        assert shared.held <= 2000
    shared.feed(b"y" * 4 * WINDOW, True)

    assert len(await anext(cursor)) == 4 * WINDOW, "one read larger than the window is not lost to its only reader"
    assert shared.transcript() is None


async def test_after_the_end_what_a_slow_reader_has_read_is_dropped() -> None:
    shared = flight()
    with shared.cursor() as slow:
        for _ in range(10):
            shared.feed(b"x" * 100, True)
        shared.end()
        assert shared.held == 1000
        await anext(slow)
        await anext(slow)
        assert shared.held == 800
    assert shared.held == 0
