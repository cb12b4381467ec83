"""Both planes in one process and one event loop, without a supervisor: for other programs, and for tests."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from gateway.api.controller import Controller as Link
from gateway.app import App
from gateway.config.datadir import control_path, listen_for_workers, lock
from gateway.config.schema import Config
from gateway.control.controller import Clocks, Controller
from gateway.life import Life
from gateway.start import listen, url

T = TypeVar("T")


class Gateway:
    """A gateway inside an asyncio program: `async with Gateway(config, data_dir) as gateway: gateway.url`.

    It installs no signal handlers. Leaving the block drains as SIGTERM does.
    """

    url: str

    def __init__(self, config: Config, data_dir: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._config, self._data_dir, self._environ = config, data_dir, environ

    async def __aenter__(self) -> Gateway:
        async with AsyncExitStack() as started:
            await self._start(started)
            self._running = started.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._running.aclose()

    async def _start(self, running: AsyncExitStack) -> None:
        """Starts both planes; `running` undoes what was done, in reverse order."""
        running.callback(os.close, lock(self._data_dir))
        listener = running.enter_context(listen(self._config.server.host, self._config.server.port))
        self.url = url(listener)
        control = running.enter_context(listen_for_workers(self._data_dir))
        controller = Controller(self._config, self._data_dir, self._environ, Clocks(time.time_ns, time.monotonic))
        life, serving = Life(), asyncio.Event()
        parts = [asyncio.create_task(controller.run(control, life, lambda _: serving.set()))]
        running.push_async_callback(self._end, life, parts)
        link = Link(running.enter_context(control_path(self._data_dir)), secrets.token_hex(8))
        app = App(await _unless_ended(link.first_tables(), parts), self._data_dir, link, self._environ)
        parts.append(asyncio.create_task(app.run(listener, life)))
        await _unless_ended(serving.wait(), parts)

    @staticmethod
    async def _end(life: Life, parts: list[asyncio.Task[None]]) -> None:
        life.end()
        await asyncio.gather(*parts)


async def _unless_ended(work: Coroutine[Any, Any, T], parts: list[asyncio.Task[None]]) -> T:
    """What `work` gives; raises what a part failed with, if one did first."""
    task = asyncio.create_task(work)
    await asyncio.wait((task, *parts), return_when=asyncio.FIRST_COMPLETED)
    if not task.done():
        task.cancel()
        for part in parts:
            if part.done():
                part.result()
    return await task
