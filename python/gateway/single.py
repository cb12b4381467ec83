"""Both planes in one process and one event loop, without a supervisor: for other programs, and for tests."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from gateway.api.controller import Controller as Link
from gateway.app import App
from gateway.config.datadir import control_path, listen_for_workers, lock
from gateway.config.schema import Config
from gateway.control.controller import Clocks, Controller
from gateway.life import Life
from gateway.start import listen, url


class Gateway:
    """A gateway inside an asyncio program: `async with Gateway(config, data_dir) as gateway: gateway.url`.

    It installs no signal handlers. Leaving the block drains as SIGTERM does.
    """

    url: str

    def __init__(self, config: Config, data_dir: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._config, self._data_dir, self._environ = config, data_dir, environ

    async def __aenter__(self) -> Gateway:
        self._claim = lock(self._data_dir)
        self._life = Life()
        listener = listen(self._config.server.host, self._config.server.port)
        self.url = url(listener)
        controller = Controller(self._config, self._data_dir, self._environ, Clocks(time.time_ns, time.monotonic))
        serving = asyncio.Event()
        self._control = asyncio.create_task(
            controller.run(listen_for_workers(self._data_dir), self._life, lambda _: serving.set())
        )
        link = Link(control_path(self._data_dir))
        app = App(await link.first_tables(), self._data_dir, link, self._environ)
        self._worker = asyncio.create_task(app.run(listener, self._life))
        await serving.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._life.end()
        await asyncio.gather(self._worker, self._control)
        os.close(self._claim)
