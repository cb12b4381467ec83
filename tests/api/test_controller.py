"""The worker's end of the link is shown beside the controller's, in tests/control/test_link.py; here is what it does alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from aiohttp import WSCloseCode, web

from gateway.api.controller import Controller
from gateway.config.datadir import listen_for_workers
from gateway.control.server import application
from gateway.inheritance import MARK
from gateway.policy.tables import Tables

TABLES = Tables(config={}, secret=b"s" * 32, admin=b"a" * 32, keys=(), keys_ever_made=False, listing={})


async def test_without_a_controller_following_returns(tmp_path: Path) -> None:
    controller = Controller(str(tmp_path / "control.sock"))

    class Nobody:
        def obey(self, tables: object) -> None: ...
        def hear(self, troubles: object) -> None: ...
        def gauges(self) -> dict[str, float]:
            return {}

    await controller.follow(Nobody())

    assert not controller.present
    await controller.close()


@asynccontextmanager
async def answering(folder: Path, first: str | bytes) -> AsyncIterator[list[int | None]]:
    """What passes for a controller and says this first, as long as the block lasts; how each of its links was closed."""
    codes: list[int | None] = []

    async def answer(request: web.Request) -> web.WebSocketResponse:
        assert request.headers["gateway-process"] == MARK["gateway-process"]
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await (socket.send_str(first) if isinstance(first, str) else socket.send_bytes(first))
        async for _ in socket:
            pass
        codes.append(socket.close_code)
        return socket

    runner = web.AppRunner(application({}, {"GET /link": answer}), shutdown_timeout=0.1)
    await runner.setup()
    await web.SockSite(runner, listen_for_workers(folder)).start()
    yield codes
    await runner.cleanup()


@pytest.mark.parametrize("first", ["", "not JSON", b"not JSON"])
async def test_what_is_no_controller_is_not_obeyed(tmp_path: Path, first: str | bytes) -> None:
    controller = Controller(str(tmp_path / "control.sock"))
    async with answering(tmp_path, first) as codes:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(controller.first_tables(), 0.5)
        await controller.close()

    assert set(codes) == {WSCloseCode.OK}


async def test_a_worker_that_ends_closes_its_link(tmp_path: Path) -> None:
    """A link left to the garbage collector may be found by it after its loop has ended."""
    controller = Controller(str(tmp_path / "control.sock"))
    async with answering(tmp_path, orjson.dumps({"id": 1, "tables": TABLES.fields()})) as codes:
        await controller.first_tables()
        await controller.close()

    assert codes == [WSCloseCode.OK]
