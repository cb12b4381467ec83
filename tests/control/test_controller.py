"""The controller's root beside a real worker is shown in tests/test_single.py; here is what it decides alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.api.controller import Controller as Link
from gateway.config.datadir import DataDirUnusable, listen_for_workers
from gateway.config.schema import Config
from gateway.control.controller import Clocks, Controller
from gateway.control.keystore import open_keys
from gateway.life import Life
from gateway.policy.tables import Tables

CLOCKS = Clocks(wall=lambda: 0, steady=lambda: 0.0)
ADMIN = {"authorization": "Bearer an-admin-key-of-some-length"}
CONFIG = Config.model_validate({"admin_key": "an-admin-key-of-some-length", "server": {"drain": 0}})


class Running:
    """A controller on its socket, as long as the block lasts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.life = Life()

    async def __aenter__(self) -> aiohttp.ClientSession:
        controller = Controller(CONFIG, self._folder, {}, CLOCKS)
        listener = listen_for_workers(self._folder)
        self._task = asyncio.create_task(controller.run(listener, self.life, lambda _: None))
        self.session = aiohttp.ClientSession(
            "http://controller", connector=aiohttp.UnixConnector(str(self._folder / "control.sock")), headers=ADMIN
        )
        return self.session

    async def __aexit__(self, *exception: object) -> None:
        await self.session.close()
        self.life.end()
        await self._task


async def test_a_worker_is_told_the_keys_as_they_change(tmp_path: Path) -> None:
    store = open_keys(tmp_path, wall=lambda: 0.0)
    store.create(name="first")
    seen: list[Tables] = []

    class Worker:
        def obey(self, tables: Tables) -> None:
            seen.append(tables)

        def hear(self, troubles: Any) -> None: ...

        def gauges(self) -> dict[str, float]:
            return {}

    async with Running(tmp_path) as session:
        link = Link(str(tmp_path / "control.sock"))
        assert [key.name for key in (await link.first_tables()).keys] == ["first"]
        following = asyncio.create_task(link.follow(Worker()))
        store.create(name="second")
        async with session.post("/keys/changed", headers={"gateway-process": "1"}) as answer:
            assert answer.status == 204
        assert sorted(key.name for key in seen[-1].keys) == ["first", "second"]
        await link.close()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_it_answers_for_an_empty_ledger_and_without_a_worker(tmp_path: Path) -> None:
    async with Running(tmp_path) as session:
        async with session.get("/admin/analytics/costs") as answer:
            assert (await answer.json())["total_requests"] == 0
        async with session.get("/metrics") as answer:
            assert "gateway_ledger_healthy 1.0" in await answer.text()


@pytest.mark.parametrize("name", ["keys.db", "ledger.db"])
def test_a_store_that_cannot_be_used_is_named_with_a_remedy(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"This is not a database." * 100)

    with pytest.raises(DataDirUnusable, match=f"{name} cannot be used: .* Repair it"):
        Controller(CONFIG, tmp_path, {}, CLOCKS)
