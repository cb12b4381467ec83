"""How a process of the gateway comes to its end: by a signal, or by the supervisor's death."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Life:
    """`ending` is set when an orderly end is asked for; `cut_short` when it is asked for again."""

    def __init__(self) -> None:
        self.ending = asyncio.Event()
        self.cut_short = asyncio.Event()

    @classmethod
    def under_a_supervisor(cls, lifeline: int) -> Life:
        """Ends at SIGTERM, and when the pipe breaks of which `lifeline` is the reading end.

        SIGINT is left to the supervisor: a terminal's Ctrl-C reaches the whole group of processes.
        """
        life, loop = cls(), asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, life.end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.set_blocking(lifeline, False)
        loop.add_reader(lifeline, life._supervisor_gone, lifeline)
        return life

    def end(self) -> None:
        """Asks for an orderly end; the second time, for a quick one."""
        if self.ending.is_set():
            self.cut_short.set()
        self.ending.set()

    async def unless_ended(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What `work` gives, or None if the end came first."""
        task, end = asyncio.ensure_future(work), asyncio.ensure_future(self.ending.wait())
        await asyncio.wait((task, end), return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        if task.done():
            return task.result()
        task.cancel()
        return None

    def _supervisor_gone(self, lifeline: int) -> None:
        asyncio.get_running_loop().remove_reader(lifeline)
        self.ending.set()
