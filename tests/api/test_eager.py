"""Coroutines that start at once."""

from __future__ import annotations

import asyncio

import pytest

from gateway.api.eager import Started


async def at_once() -> str:
    return "done"


async def failing() -> str:
    raise ValueError("no")


class Work:
    """Waits twice, and says how it ended."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.first, self.second = loop.create_future(), loop.create_future()
        self.ended = ""

    async def __call__(self) -> str:
        try:
            one: str = await self.first
            two: str = await self.second
        except BaseException as error:
            self.ended = type(error).__name__
            raise
        self.ended = "well"
        return one + two


async def test_what_needs_not_wait_is_done_without_a_turn_of_the_loop() -> None:
    started = Started(at_once())

    assert (started.done, started.result) == (True, "done")


async def test_what_fails_at_once_raises_at_once() -> None:
    with pytest.raises(ValueError, match="no"):
        Started(failing())


async def test_the_rest_goes_on_in_a_task() -> None:
    work = Work()
    started = Started(work())
    assert not started.done

    async def rest() -> str:
        return await started

    task = asyncio.create_task(rest())
    work.first.set_result("a")
    await asyncio.sleep(0)
    work.second.set_result("b")

    assert await task == "ab"
    assert work.ended == "well"


async def test_a_failure_on_the_way_is_the_coroutines_own() -> None:
    work = Work()
    started = Started(work())
    work.first.set_exception(KeyError("x"))

    with pytest.raises(KeyError):
        await started
    assert work.ended == "KeyError"


async def test_a_task_that_is_cancelled_cancels_it() -> None:
    work = Work()
    started = Started(work())

    async def rest() -> str:
        return await started

    task = asyncio.create_task(rest())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.ended == "CancelledError"


async def test_what_is_not_awaited_can_be_given_up() -> None:
    work = Work()
    started = Started(work())
    started.close()

    assert work.ended == "GeneratorExit"
