"""A call in flight: one upstream call, which any number of clients read, each at its own pace."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Protocol

from gateway.chat.answer import Answer, Source
from gateway.errors import GatewayError, UpstreamInterrupted

WINDOW = 4 << 10
"""Bytes that a stream may be ahead of its fastest cursor before it stops reading."""
HOLD_SECONDS = 10.0
"""How long start-up events are held back while there is no content."""


class Fleet(Protocol):
    """All flights, as one of them knows them: who is still up, and how many bytes they hold together."""

    held: int

    def launched(self, task: asyncio.Task[None]) -> None: ...
    def landed(self, flight: Flight) -> None: ...
    def grew(self, flight: Flight, size: int) -> None: ...
    def stalled(self, flight: Flight) -> None: ...
    def resumed(self, flight: Flight) -> None: ...


class Flight:
    """One call's way upstream and back: its transcript so far, and the cursors that follow it.

    A stream is shown from its first content on, a whole answer once it is complete; until then a failure can have a
    status of its own, or another attempt made. A flight is `intact` while its transcript is: who joins gets what has come,
    then the rest live. Past `limit` bytes, or when memory is short, what every cursor has read is dropped.

    Invariant: a flight without cursors is cancelled; one with cursors ends in exactly one of `end` and `fail`.
    """

    __slots__ = (
        "_chunks", "_cursors", "_dropped", "_fed", "_fleet", "_hold", "_limit", "_room", "_showing", "_task",
        "answer", "ended", "error", "held", "intact", "key", "source", "stream", "waited_us",
    )  # fmt: skip

    def __init__(self, fleet: Fleet, key: bytes | None, *, stream: bool, limit: int) -> None:
        self._fleet, self.key = fleet, key
        self.stream = stream
        self.ended = False
        self.error: GatewayError | None = None
        self.source: Source | None = None
        self.answer: Answer | None = None
        self.intact = limit > 0
        self.waited_us = 0
        self._limit = limit
        self._chunks: deque[bytes] = deque()
        self.held = 0
        self._dropped = self._fed = 0
        self._cursors: set[Cursor] = set()
        self._showing = False
        self._hold: asyncio.TimerHandle | None = None
        self._room: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def launch(self, pilot: Coroutine[Any, Any, None]) -> None:
        """Starts the task that feeds this flight."""
        self._task = asyncio.get_running_loop().create_task(pilot)
        self._fleet.launched(self._task)

    @property
    def showing(self) -> bool:
        """Whether clients may have seen something of it."""
        return self._showing and self._fed > 0

    def feed(self, data: bytes, content: bool) -> None:
        """Appends what one network read brought."""
        if not data or self.ended:
            return
        size = len(data)
        self._chunks.append(data)
        self._fed += size
        self.held += size
        self._fleet.grew(self, size)
        if self.held > self._limit:
            self._trim()
        if not self.stream:
            return
        if not self._showing and not content:
            if self._hold is None:
                self._hold = asyncio.get_running_loop().call_later(HOLD_SECONDS, self._show)
            return
        self._show()

    async def room(self) -> None:
        """Returns once the fastest cursor is near enough for the next read. Nothing of a whole answer is read before its end."""
        while self.stream and self._cursors and self._fed - max(cursor.taken for cursor in self._cursors) > WINDOW:
            self._room = asyncio.get_running_loop().create_future()
            self._fleet.stalled(self)
            try:
                await self._room
            finally:
                self._fleet.resumed(self)

    def restart(self) -> None:
        """Forgets what a failed attempt brought, of which nothing has been shown."""
        assert not self.showing, "clients have seen some of it"
        self._cancel_hold()
        self._showing = False
        self._clear()
        self._dropped = self._fed = 0
        self.intact = self._limit > 0
        self.waited_us = 0

    def end(self) -> None:
        """The answer is complete."""
        self._finish(None)

    def fail(self, error: GatewayError) -> None:
        """The answer broke off; every cursor raises `error` once it has read what was shown before."""
        self._finish(error)

    def abort(self, error: GatewayError) -> None:
        """Breaks the flight off, upstream too."""
        if not self.ended:
            self.fail(error)
            if self._task is not None:
                self._task.cancel()

    def transcript(self) -> bytes | None:
        """The answer so far; None once it is too long to keep."""
        if not self.intact:
            return None
        answer = b"".join(self._chunks)
        if not self.stream:
            self._chunks = deque((answer,))
        return answer

    def forget(self) -> None:
        """Gives the transcript up: nobody may join any more, and nothing will be kept."""
        self._limit = 0
        self._trim()

    def cursor(self, frame: Callable[[bytes], bytes] = bytes) -> Cursor:
        """A place to read from, for one client, which is shown each chunk as `frame` has it; use it in a `with`."""
        cursor = Cursor(self, frame)
        self._cursors.add(cursor)
        return cursor

    def leave(self, cursor: Cursor) -> None:
        self._cursors.discard(cursor)
        if not self._cursors:
            if not self.ended:
                self.abort(UpstreamInterrupted("Nobody was left to read this answer."))
            self._clear()
            self.error = None  # its traceback holds the whole call, and would be held by it
        self.advanced()

    def advanced(self) -> None:
        """A cursor has read on or left: the flight may have room again."""
        if self.ended:
            self._drop_read()
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
        self._fleet.landed(self)
        if error is not None and not self._showing:
            self._clear()
        self.intact = False
        self._drop_read()
        self._show()

    def _show(self) -> None:
        self._showing = True
        self._cancel_hold()
        for cursor in self._cursors:
            cursor.wake()

    def _cancel_hold(self) -> None:
        if self._hold is not None:
            self._hold.cancel()
            self._hold = None

    def _trim(self) -> None:
        """Drops what every cursor has read and, beyond twice the limit, what only laggards have not."""
        self.intact = False
        self._drop_read()
        fastest = max((cursor.position for cursor in self._cursors), default=0)
        while self._dropped < fastest and self.held > 2 * self._limit + WINDOW:
            self._drop()

    def _drop_read(self) -> None:
        slowest = min((cursor.position for cursor in self._cursors), default=0)
        while self._dropped < slowest:
            self._drop()

    def _drop(self) -> None:
        size = len(self._chunks.popleft())
        self._dropped += 1
        self.held -= size
        self._fleet.held -= size

    def _clear(self) -> None:
        self._fleet.held -= self.held
        self.held = 0
        self._chunks.clear()


class Cursor:
    """One client's place in a flight. Iterate over it for what the client is shown; leaving the `with` gives the place up."""

    __slots__ = ("_flight", "_frame", "_news", "position", "taken")

    def __init__(self, flight: Flight, frame: Callable[[bytes], bytes]) -> None:
        self._flight, self._frame = flight, frame
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
        while not (shown := self._frame(await self._next())):
            pass
        return shown

    async def _next(self) -> bytes:
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
