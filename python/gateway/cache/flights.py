"""Calls in flight: identical ones share a single upstream call, and all of them share one memory."""

from __future__ import annotations

import asyncio

from gateway.cache.flight import Flight
from gateway.errors import GatewayError, Overloaded

TRANSCRIPTS = 256 << 20
"""Bytes that all flights may hold together, before transcripts are given up."""
STALLED = 4 << 20
"""Bytes of these that flights may hold while their clients do not read."""


class Flights:
    """All calls in flight, and those among them that others may join, by cache key.

    `held` counts the bytes of all their transcripts. Where they are too many, flights lose theirs: first those whose clients
    do not read, the longest stalled before the others. A whole answer has to be held, so one too many fails.
    """

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._joinable: dict[bytes, Flight] = {}
        self._aloft: dict[Flight, None] = {}
        self._stalled: dict[Flight, int] = {}
        self._idle_bytes = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.held = 0

    def find(self, key: bytes) -> Flight | None:
        """The flight that a call with this key may join."""
        flight = self._joinable.get(key)
        return flight if flight is not None and flight.intact else None

    def open(self, key: bytes | None, *, stream: bool, keeps: bool = True) -> Flight:
        """A new flight, which others may join under `key`; nobody may without one. One that `keeps` nothing has no transcript."""
        flight = Flight(self, key, stream=stream, limit=self._limit if keeps else 0)
        if key is not None:
            self._joinable[key] = flight
        self._aloft[flight] = None
        return flight

    def fail_all(self, error: GatewayError) -> None:
        """Breaks every flight off, upstream too; all who wait for one get `error`."""
        for flight in list(self._aloft):
            flight.abort(error)

    async def settled(self) -> None:
        """Returns once all that has flown is paid for and in the ledger."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def __len__(self) -> int:
        return len(self._aloft)

    # What a flight tells.

    def launched(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def landed(self, flight: Flight) -> None:
        self._aloft.pop(flight, None)
        if flight.key is not None and self._joinable.get(flight.key) is flight:
            del self._joinable[flight.key]

    def stalled(self, flight: Flight) -> None:
        if flight.intact:
            self._stalled[flight] = flight.held
            self._idle_bytes += flight.held
            while self._idle_bytes > STALLED:
                self._forget_stalled()

    def resumed(self, flight: Flight) -> None:
        self._idle_bytes -= self._stalled.pop(flight, 0)

    def grew(self, flight: Flight, size: int) -> None:
        self.held += size
        if self.held > TRANSCRIPTS:
            while self.held > TRANSCRIPTS and self._stalled:
                self._forget_stalled()
            if self.held > TRANSCRIPTS and flight.stream:
                flight.forget()
            elif self.held > TRANSCRIPTS:  # nobody has read any of it, so all of it is held until its end
                flight.abort(Overloaded(headers={"retry-after": "1"}))

    def _forget_stalled(self) -> None:
        flight = next(iter(self._stalled))
        self.resumed(flight)
        flight.forget()
