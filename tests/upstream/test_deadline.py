"""A deadline, by a loop whose time is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.upstream.deadline import Deadline


class Clock:
    """The part of a loop that a deadline uses; `timers` counts those that were made."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers = 0
        self._pending: list[tuple[float, Callable[[], None], list[bool]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> object:
        self.timers += 1
        live = [True]
        self._pending.append((when, callback, live))

        class Handle:
            @staticmethod
            def cancel() -> None:
                live[0] = False

        return Handle()

    def run_to(self, now: float) -> None:
        while due := sorted((entry for entry in self._pending if entry[0] <= now), key=lambda entry: entry[0]):
            entry = due[0]
            self._pending.remove(entry)
            self.now = max(self.now, entry[0])
            if entry[2][0]:
                entry[1]()
        self.now = now


def made() -> tuple[Clock, Deadline, list[float]]:
    clock, missed = Clock(), list[float]()
    return clock, Deadline(clock, lambda: missed.append(clock.now)), missed  # type: ignore[arg-type]


def test_it_is_missed_at_its_time_and_once() -> None:
    clock, deadline, missed = made()
    deadline.set(5)
    clock.run_to(4.9)
    assert missed == []

    clock.run_to(100)
    assert missed == [5]


def test_postponing_takes_no_timer() -> None:
    clock, deadline, missed = made()
    deadline.set(5)
    for at in range(6, 1000):
        deadline.at = at
        deadline.set(at)
    assert clock.timers == 1

    clock.run_to(998)
    assert missed == []
    clock.run_to(999)
    assert missed == [999]


def test_a_sooner_time_counts() -> None:
    clock, deadline, missed = made()
    deadline.set(600)
    deadline.set(3)

    clock.run_to(1000)
    assert missed == [3]


def test_a_lifted_one_is_not_missed_until_it_is_set_again() -> None:
    clock, deadline, missed = made()
    deadline.set(5)
    deadline.lift()
    clock.run_to(50)
    assert missed == []

    deadline.set(60)
    clock.run_to(70)
    assert missed == [60]


def test_a_closed_one_is_never_missed() -> None:
    clock, deadline, missed = made()
    deadline.set(5)
    deadline.close()
    clock.run_to(50)

    assert missed == []


async def test_the_loop_of_asyncio_is_such_a_clock() -> None:
    loop, missed = asyncio.get_running_loop(), asyncio.Event()
    deadline = Deadline(loop, missed.set)
    deadline.set(loop.time() + 60)
    deadline.set(loop.time() + 0.01)

    await asyncio.wait_for(missed.wait(), 5)
