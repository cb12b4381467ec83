"""The thread that drains: soon, again and again, and whatever happens."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from gateway.control.drain import NICENESS, Drain


class Drained:
    """Counts drains, and does in each what it is told to."""

    def __init__(self) -> None:
        self.count = 0
        self.act: Callable[[], object] = int
        self.niceness: int | None = None

    def __call__(self) -> None:
        self.niceness = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        self.act()
        self.count += 1


@pytest.fixture
def drained() -> Drained:
    return Drained()


@pytest.fixture
def drain(drained: Drained) -> Iterator[Drain]:
    drain = Drain(drained)
    drain.start()
    yield drain
    drained.act = int
    assert drain.stop(20)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_it_drains_again_and_again_and_lets_others_go_first(drain: Drain, drained: Drained) -> None:
    until(lambda: drained.count >= 3)

    assert drained.niceness == os.getpriority(os.PRIO_PROCESS, 0) + NICENESS


async def test_who_asks_waits_for_a_drain_that_began_later(drain: Drain, drained: Drained) -> None:
    entered, going_on = threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        going_on.wait(20)

    drained.act = wait
    await asyncio.to_thread(entered.wait)
    asked = asyncio.ensure_future(drain.done(patience=20))
    await asyncio.sleep(0.01)
    drained.act = int
    before = drained.count
    going_on.set()

    assert await asked
    assert drained.count >= before + 2


async def test_who_asks_does_not_wait_for_ever(drain: Drain, drained: Drained) -> None:
    going_on = threading.Event()
    drained.act = lambda: going_on.wait(20)

    assert not await drain.done(patience=0.01)
    going_on.set()
    drained.act = int
    assert await drain.done(patience=20)


def test_it_survives_what_goes_wrong_and_says_so_once(
    drain: Drain, drained: Drained, caplog: pytest.LogCaptureFixture
) -> None:
    tries = []

    def fail() -> None:
        tries.append(1)
        raise OSError("the disk is gone")

    drained.act = fail
    until(lambda: len(tries) >= 3)
    drained.act = int
    before = drained.count
    until(lambda: drained.count > before)

    assert [entry.levelno for entry in caplog.records] == [logging.ERROR, logging.WARNING]


def test_stopping_drains_once_more(drained: Drained) -> None:
    drain = Drain(drained)
    drain.start()
    until(lambda: drained.count)
    before = drained.count

    assert drain.stop(20)

    assert drained.count > before


def test_stopping_does_not_wait_for_a_drain_that_hangs(drained: Drained) -> None:
    going_on = threading.Event()
    drained.act = lambda: going_on.wait(20)
    drain = Drain(drained)
    drain.start()

    assert not drain.stop(0.05)
    going_on.set()
    drained.act = int
    assert drain.stop(20)
