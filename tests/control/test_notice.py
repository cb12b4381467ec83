from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from gateway.config.datadir import listen_for_workers
from gateway.control.notice import PATH, keys_changed
from gateway.control.server import application


async def test_a_running_gateway_hears_of_it(tmp_path: Path) -> None:
    heard = []

    async def endpoint(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.Response(status=204)

    runner = web.AppRunner(application({}, {f"POST {PATH}": endpoint}))
    await runner.setup()
    await web.SockSite(runner, listen_for_workers(tmp_path)).start()

    assert await asyncio.to_thread(keys_changed, tmp_path)
    assert heard == [PATH]
    await runner.cleanup()


def test_where_none_runs_nobody_is_told(tmp_path: Path) -> None:
    assert not keys_changed(tmp_path)
    listen_for_workers(tmp_path).close()  # as a killed gateway leaves it
    assert not keys_changed(tmp_path)
