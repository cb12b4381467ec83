"""Calls in flight: identical ones share a single upstream call, and each client reads it at its own pace."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from types import TracebackType
from typing import Any

from gateway.cache.exact import Answer
from gateway.errors import GatewayError, UpstreamInterrupted

WINDOW = 256 << 10
"""Bytes that a flight may be ahead of its fastest cursor before it stops reading."""
HOLD_SECONDS = 10.0
"""How long start-up events are held back while there is no content."""


class Flight:
    """One upstream call under way: its transcript so far, and the cursors that follow it.

    Nothing is shown before the first content, so that until then a failure can still be told with a status of its own.
    The transcript is whole up to `limit` bytes: who joins late gets what has come so far, then the rest live. Past that,
    nobody can join and what every cursor has read is dropped.

    Invariant: a flight without cursors is cancelled; one with cursors ends in exactly one of `end` and `fail`.
    """

    def __init__(self, *, whole: bool, limit: int) -> None:
        self.whole = whole
        self.ended = False
        self.error: GatewayError | None = None
        self.answer: Answer | None = None
        self.intact = True
        self.waited_us = 0
        self._limit = limit
        self._chunks: deque[bytes] = deque()
        self._dropped = 0
        self._fed = self._held = 0
        self._cursors: set[Cursor] = set()
        self._showing = whole
        self._hold: asyncio.TimerHandle | None = None
        self._room: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def launch(self, pilot: Coroutine[Any, Any, None]) -> None:
        """Starts the task that feeds this flight."""
        self._task = asyncio.get_running_loop().create_task(pilot)

    @property
    def showing(self) -> bool:
        """Whether clients may have seen something of it."""
        return self._showing and self._fed > 0

    def feed(self, data: bytes, content: bool) -> None:
        """Appends what one network read brought."""
        if not data:
            return
        self._chunks.append(data)
        self._fed += len(data)
        self._held += len(data)
        if self._held > self._limit:
            self._trim()
        if not self._showing and not content:
            if self._hold is None:
                self._hold = asyncio.get_running_loop().call_later(HOLD_SECONDS, self._show)
            return
        self._show()

    async def room(self) -> None:
        """Returns once the fastest cursor is near enough for the next read."""
        while self._cursors and self._fed - max(cursor.taken for cursor in self._cursors) > WINDOW:
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def end(self) -> None:
        """The answer is complete."""
        self._finish(None)

    def fail(self, error: GatewayError) -> None:
        """The answer broke off; every cursor is told once it has read what was shown before."""
        self._finish(error)

    def transcript(self) -> bytes | None:
        """The answer so far; None once it is too long to keep."""
        return b"".join(self._chunks) if self.intact else None

    def cursor(self) -> Cursor:
        """A place to read from, for one client; use it in a `with`."""
        cursor = Cursor(self)
        self._cursors.add(cursor)
        return cursor

    def leave(self, cursor: Cursor) -> None:
        self._cursors.discard(cursor)
        if not self._cursors and not self.ended and self._task is not None:
            self._task.cancel()
            self.fail(UpstreamInterrupted("Nobody was left to read this answer."))  # so that nobody joins it any more
        self.advanced()

    def advanced(self) -> None:
        """A cursor has read on or left: the flight may have room again."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def chunk(self, position: int) -> bytes | None:
        """The chunk at a position; None when it has not come yet or is not to be shown yet."""
        if position < self._dropped:
            raise UpstreamInterrupted("This client fell too far behind the answer that it shares with others.")
        index = position - self._dropped
        return self._chunks[index] if self._showing and index < len(self._chunks) else None

    def _finish(self, error: GatewayError | None) -> None:
        if self.ended:
            return
        self.ended, self.error = True, error
        if error is not None and not self._showing:
            self._chunks.clear()
        self._show()

    def _show(self) -> None:
        self._showing = True
        if self._hold is not None:
            self._hold.cancel()
            self._hold = None
        for cursor in self._cursors:
            cursor.wake()

    def _trim(self) -> None:
        """Drops what every cursor has read, and beyond twice the limit also what only laggards have not."""
        self.intact = False
        slowest = min((cursor.position for cursor in self._cursors), default=self._dropped)
        while self._chunks and (self._dropped < slowest or self._held > 2 * self._limit + WINDOW):
            self._held -= len(self._chunks.popleft())
            self._dropped += 1


class Cursor:
    """One client's place in a flight. Iterate over it for the chunks; leaving the `with` gives the place up."""

    __slots__ = ("_flight", "_news", "position", "taken")

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._news: asyncio.Future[None] | None = None
        self.position = self.taken = 0

    def __enter__(self) -> Cursor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flight.leave(self)

    def __aiter__(self) -> Cursor:
        return self

    async def __anext__(self) -> bytes:
        flight = self._flight
        while (chunk := flight.chunk(self.position)) is None:
            if flight.ended:
                if flight.error is not None:
                    raise flight.error
                raise StopAsyncIteration
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        self.position += 1
        self.taken += len(chunk)
        flight.advanced()
        return chunk

    def wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


class Flights:
    """The calls in flight that others may join, by cache key."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._flights: dict[bytes, Flight] = {}

    def find(self, key: bytes) -> Flight | None:
        flight = self._flights.get(key)
        return flight if flight is not None and flight.intact and not flight.ended else None

    def open(self, key: bytes | None, *, whole: bool) -> Flight:
        """A new flight, which others may join under `key`; nobody may without one."""
        flight = Flight(whole=whole, limit=self._limit)
        if key is not None:
            self._flights[key] = flight
        return flight

    def close(self, key: bytes | None, flight: Flight) -> None:
        if key is not None and self._flights.get(key) is flight:
            del self._flights[key]

    def __len__(self) -> int:
        return len(self._flights)
