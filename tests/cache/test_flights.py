"""All flights: which may be joined, and what they hold together."""

from __future__ import annotations

import asyncio

import pytest

from gateway.cache import flights as module
from gateway.cache.flight import WINDOW, Flight
from gateway.cache.flights import Flights
from gateway.errors import Overloaded, ShuttingDown, UpstreamInterrupted

FOREVER = 3600.0
KEY = b"k" * 32


async def test_past_the_limit_what_everyone_has_read_is_dropped_and_nobody_can_join() -> None:
    flights = Flights(limit=100)
    shared = flights.open(KEY, stream=True)
    cursor = shared.cursor()
    assert flights.find(KEY) is shared

    for _ in range(5):
        shared.feed(b"x" * 40, True)
        await anext(cursor)

    assert flights.find(KEY) is None
    assert shared.transcript() is None
    shared.feed(b"end", True)
    assert await anext(cursor) == b"end"


async def test_a_flight_that_its_last_reader_has_left_is_not_joined_any_more() -> None:
    """Its task is only about to be cancelled: who joined it now would wait for ever."""
    flights = Flights(limit=100)
    shared = flights.open(KEY, stream=True)
    shared.launch(asyncio.sleep(FOREVER))

    with shared.cursor():
        pass

    assert flights.find(KEY) is None


def test_a_flight_is_found_until_it_ends() -> None:
    flights = Flights(limit=100)
    first = flights.open(KEY, stream=True)
    second = flights.open(KEY, stream=True)

    first.end()
    assert flights.find(KEY) is second, "a flight takes its own entry away only"
    second.fail(UpstreamInterrupted())

    assert flights.find(KEY) is None
    assert len(flights) == 0


def test_a_flight_without_a_key_is_nobodys_to_join() -> None:
    flights = Flights(limit=100)
    flights.open(None, stream=True)

    assert flights.find(KEY) is None
    assert len(flights) == 1


async def stalled(flights: Flights, size: int, key: bytes = KEY) -> tuple[Flight, asyncio.Task[None]]:
    """A flight whose client has read `size` bytes, and then no more; the task is its wait for room."""
    flight = flights.open(key, stream=True)
    cursor = flight.cursor()
    flight.feed(b"x" * size, True)
    await anext(cursor)
    flight.feed(b"y" * (WINDOW + 1), True)
    waiting = asyncio.create_task(flight.room())
    await asyncio.sleep(0)
    return flight, waiting


async def test_the_longest_stalled_lose_their_transcripts_first(monkeypatch: pytest.MonkeyPatch) -> None:
    each = 1000 + WINDOW + 1
    monkeypatch.setattr(module, "STALLED", 2 * each)
    flights = Flights(limit=1 << 20)

    found = [await stalled(flights, 1000, bytes([number]) * 32) for number in range(3)]

    assert [flight.intact for flight, _ in found] == [False, True, True]
    assert [flights.find(bytes([number]) * 32) is not None for number in range(3)] == [False, True, True]
    assert found[0][0].held == WINDOW + 1, "what its client has not read yet stays"
    for _, waiting in found:
        waiting.cancel()


async def test_a_flight_that_goes_on_counts_as_stalled_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALLED", 2 * WINDOW)
    flights = Flights(limit=1 << 20)
    for _ in range(5):
        flight, waiting = await stalled(flights, 1000)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert flight.intact


async def test_when_all_of_them_hold_too_much_the_stalled_pay_before_the_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    flights = Flights(limit=1 << 20)
    slow, waiting = await stalled(flights, 5000)
    busy = flights.open(None, stream=True)
    reader = busy.cursor()
    monkeypatch.setattr(module, "TRANSCRIPTS", flights.held + 1000)

    busy.feed(b"z" * 2000, True)
    await anext(reader)
    assert (slow.intact, busy.intact) == (False, True)
    busy.feed(b"z" * 5000, True)

    assert not busy.intact
    assert await anext(reader) == b"z" * 5000
    waiting.cancel()


async def test_what_was_held_is_given_back_when_everybody_has_left() -> None:
    flights = Flights(limit=1 << 20)
    for ending in (lambda flight: flight.end(), lambda flight: flight.fail(UpstreamInterrupted()), lambda flight: None):
        flight = flights.open(KEY, stream=True)
        with flight.cursor():
            flight.feed(b"x" * 1000, True)
            ending(flight)
        assert flights.held == 0
    assert len(flights) == 0


async def test_all_are_failed_at_once_and_settled_before_anybody_goes_home() -> None:
    flights = Flights(limit=1 << 20)
    booked: list[int] = []

    async def pilot(number: int) -> None:
        try:
            await asyncio.sleep(FOREVER)
        finally:
            await asyncio.sleep(0.01)
            booked.append(number)

    cursors = []
    for number in range(3):
        flight = flights.open(bytes([number]) * 32, stream=True)
        flight.launch(pilot(number))
        flight.feed(b"a", True)
        cursors.append(flight.cursor())
    await asyncio.sleep(0)

    flights.fail_all(ShuttingDown())
    await flights.settled()

    assert sorted(booked) == [0, 1, 2]
    for cursor in cursors:
        assert await anext(cursor) == b"a"
        with pytest.raises(ShuttingDown):
            await anext(cursor)
    assert len(flights) == 0


async def test_whole_answers_hold_no_more_than_they_may_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRANSCRIPTS", 10_000)
    flights = Flights(limit=10**9)
    opened = [flights.open(None, stream=False) for _ in range(20)]
    for flight in opened:
        flight.feed(b"x" * 1_000, True)

    failed = [flight for flight in opened if flight.ended]
    assert flights.held <= 10_000
    assert len(failed) == 10
    assert all(isinstance(flight.error, Overloaded) for flight in failed)
