"""The worker's end of the link is shown beside the controller's, in tests/control/test_link.py; here is what it does alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from gateway.api.controller import Controller
from gateway.config.datadir import control_path, listen_for_workers
from gateway.control.server import application
from gateway.inheritance import MARK


async def test_without_a_controller_following_returns(tmp_path: Path) -> None:
    controller = Controller(control_path(tmp_path))

    class Nobody:
        def obey(self, tables: object) -> None: ...
        def hear(self, troubles: object) -> None: ...
        def gauges(self) -> dict[str, float]:
            return {}

    await controller.follow(Nobody())

    assert not controller.present
    await controller.close()


@pytest.mark.parametrize("first", ["", "not JSON"])
async def test_what_is_no_controller_is_not_obeyed(tmp_path: Path, first: str) -> None:
    async def answer(request: web.Request) -> web.WebSocketResponse:
        assert request.headers["gateway-process"] == MARK["gateway-process"]
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(first)
        await socket.close()
        return socket

    runner = web.AppRunner(application({}, {"GET /link": answer}))
    await runner.setup()
    await web.SockSite(runner, listen_for_workers(tmp_path)).start()
    controller = Controller(control_path(tmp_path))

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(controller.first_tables(), 0.5)

    await controller.close()
    await runner.cleanup()
