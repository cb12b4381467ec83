from __future__ import annotations

import asyncio
import os
import signal

from gateway.life import Life


async def test_the_first_end_is_orderly_and_the_second_quick() -> None:
    life = Life()

    life.end()
    assert (life.ending.is_set(), life.cut_short.is_set()) == (True, False)

    life.end()
    assert life.cut_short.is_set()


async def test_sigterm_ends_and_a_broken_lifeline_does() -> None:
    reading, writing = os.pipe()
    before = signal.getsignal(signal.SIGINT)
    life = Life.under_a_supervisor(reading)
    try:
        os.close(writing)
        await asyncio.wait_for(life.ending.wait(), 30)
        assert not life.cut_short.is_set()

        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(life.cut_short.wait(), 30)
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGINT, before)
        os.close(reading)


async def test_work_is_given_up_at_the_end() -> None:
    life = Life()
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def work() -> str:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()
        return "done"

    waiting = asyncio.create_task(life.unless_ended(work()))
    await begun.wait()
    life.end()

    assert await waiting is None
    await asyncio.wait_for(stopped.wait(), 30)


async def test_work_that_is_done_first_counts() -> None:
    async def work() -> str:
        return "done"

    assert await Life().unless_ended(work()) == "done"
