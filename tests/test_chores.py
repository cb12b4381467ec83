from __future__ import annotations

import asyncio
import logging

import pytest

from gateway.chores import every


async def test_a_chore_survives_its_exceptions_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    turns = 0
    done = asyncio.Event()

    async def act() -> None:
        nonlocal turns
        turns += 1
        if turns in (2, 3, 4):
            raise ValueError("once more")
        if turns == 6:
            done.set()

    task = asyncio.create_task(every(0.0, act, "polling"))
    await asyncio.wait_for(done.wait(), 30)
    task.cancel()

    assert [record.getMessage() for record in caplog.records] == [
        "polling failed; trying again every 0 s",
        "polling works again",
    ]


async def test_a_cancelled_chore_ends() -> None:
    async def act() -> None:
        await asyncio.sleep(3600)

    task = asyncio.create_task(every(0.0, act, "waiting"))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
