"""A deadline that is moved a thousand times for each time that it is missed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf


class Deadline:
    """Calls `missed` when the time `at` has come, until it is lifted.

    Postponing it is an assignment to `at`, and so is setting it anew: a timer that fires too early looks again at the right
    time. Only a sooner time needs a new timer.
    """

    __slots__ = ("_due", "_loop", "_missed", "_timer", "at")

    def __init__(self, loop: asyncio.AbstractEventLoop, missed: Callable[[], None]) -> None:
        self._loop, self._missed = loop, missed
        self._timer: asyncio.TimerHandle | None = None
        self._due = self.at = inf

    def set(self, at: float) -> None:
        """Sets it to a time of the loop's clock, sooner or later than before."""
        self.at = at
        if at < self._due:
            self.close()
            self._start()

    def lift(self) -> None:
        self.at = inf

    def close(self) -> None:
        """Stops the timer."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due = None, inf

    def _start(self) -> None:
        self._due = self.at
        self._timer = self._loop.call_at(self.at, self._look)

    def _look(self) -> None:
        self._timer, self._due = None, inf
        if self.at == inf:
            return
        if self._loop.time() < self.at:
            self._start()
        else:
            self._missed()
