"""The thread that moves what the journals say to the store, all the time and whatever happens."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

log = logging.getLogger(__name__)

INTERVAL = 0.15
PATIENCE = 0.3
NICENESS = 5


class Drain:
    """Calls `drain` every `INTERVAL` seconds, and at once when somebody asks, in a thread of lower priority."""

    def __init__(self, drain: Callable[[], None]) -> None:
        self._drain = drain
        self._asked: deque[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = deque()
        self._wanted = threading.Event()
        self._stopping = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def done(self, patience: float = PATIENCE) -> bool:
        """Waits for a drain that began after this was called, `patience` seconds at most; False when it took longer."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._asked.append((loop, future))
        self._wanted.set()
        return bool((await asyncio.wait([future], timeout=patience))[0])

    def stop(self, patience: float) -> bool:
        """Drains once more and ends; False when that takes more than `patience` seconds, and goes on in the background."""
        self._stopping = True
        self._wanted.set()
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _run(self) -> None:
        with suppress(OSError):  # Linux alone has a niceness for each thread
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        while True:
            last = self._stopping
            self._wanted.clear()
            asked = [self._asked.popleft() for _ in range(len(self._asked))]
            self._once()
            for loop, future in asked:
                with suppress(RuntimeError):  # the loop of who asked is closed
                    loop.call_soon_threadsafe(_finish, future)
            if last:
                return
            self._wanted.wait(INTERVAL)

    def _once(self) -> None:
        try:
            self._drain()
        except Exception:
            if not self._failing:
                log.exception("the journals cannot be drained; this is tried again every %s s", INTERVAL)
            self._failing = True
        else:
            if self._failing:
                log.warning("the journals are drained again")
            self._failing = False


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
