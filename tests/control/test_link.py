"""Controller and worker over a real unix socket, each at its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.api.controller import Controller
from gateway.chores import every
from gateway.config.datadir import listen_for_workers
from gateway.control.link import Link
from gateway.control.server import application
from gateway.policy.keys import Key
from gateway.policy.tables import Tables


def tables(secret: bytes) -> Tables:
    return Tables(config={}, secret=secret, admin=b"a" * 32, keys=(), keys_ever_made=False, listing={})


class Worker:
    """What a worker took in, and what it counts."""

    def __init__(self, **counts: float) -> None:
        self.obeyed: list[bytes] = []
        self.troubles: Mapping[str, str] = {}
        self.counts = counts

    def obey(self, tables: Tables) -> None:
        self.tables = tables
        self.obeyed.append(tables.secret)

    def hear(self, troubles: Mapping[str, str]) -> None:
        self.troubles = troubles

    def gauges(self) -> Mapping[str, float]:
        return self.counts


class Side:
    """The controller's side: a link on a socket, as long as the block lasts."""

    def __init__(self) -> None:
        self.secret = b"first"
        self.served: list[dict[str, Any]] = []
        self.link = Link(self.introduction, self.served.append, frozenset({"total"}))

    def introduction(self) -> dict[str, Any]:
        return {"tables": tables(self.secret).fields()}

    @asynccontextmanager
    async def listening(self, folder: Path) -> AsyncIterator[Link]:
        runner = web.AppRunner(application({}, {"GET /link": self.link.serve}), shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, listen_for_workers(folder)).start()
        yield self.link
        await self.link.close()
        await runner.cleanup()


async def until(condition: Any) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def linked(folder: Path, worker: Worker, name: str = "") -> AsyncIterator[Controller]:
    """A worker that follows whatever controller there is."""
    controller = Controller(str(folder / "control.sock"), name)
    worker.obey(await controller.first_tables())
    following = asyncio.create_task(every(0.01, lambda: controller.follow(worker), "following"))
    yield controller
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await controller.close()


async def test_a_worker_begins_with_the_controller_s_tables_and_obeys_the_next(tmp_path: Path) -> None:
    side, worker = Side(), Worker()
    async with side.listening(tmp_path) as link, linked(tmp_path, worker) as controller:
        side.secret = b"second"
        await link.push({**side.introduction(), "troubles": {"ledger": "locked"}})

        assert worker.obeyed == [b"first", b"second"]
        assert worker.troubles == {"ledger": "locked"}
        assert controller.present


async def test_a_worker_says_when_it_serves(tmp_path: Path) -> None:
    side = Side()
    async with side.listening(tmp_path), linked(tmp_path, Worker()) as controller:
        await controller.serving({"models": ["demo"]})
        await until(lambda: side.served)

    assert side.served == [{"models": ["demo"]}]


async def test_gauges_are_summed_over_workers_and_what_only_rises_outlives_its_worker(tmp_path: Path) -> None:
    side = Side()
    async with side.listening(tmp_path) as link, linked(tmp_path, Worker(now=1, total=10)):
        async with linked(tmp_path, Worker(now=2, total=20)):
            assert await link.gauges() == {"now": 3, "total": 30}
        await until(lambda: len(link._workers) == 1)

        assert await link.gauges() == {"now": 1, "total": 30}


@pytest.mark.parametrize("noticed", [True, False])
async def test_a_worker_that_comes_back_is_not_counted_twice(tmp_path: Path, noticed: bool) -> None:
    side = Side()
    async with side.listening(tmp_path) as link:
        async with linked(tmp_path, Worker(total=10), name="w"):
            assert await link.gauges() == {"total": 10}
            if not noticed:
                async with linked(tmp_path, Worker(total=12), name="w"):
                    assert await link.gauges() == {"total": 12}
        await until(lambda: not link._workers)
        async with linked(tmp_path, Worker(total=15), name="w"):
            assert await link.gauges() == {"total": 15}


async def test_the_counts_of_many_workers_are_kept_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.control.link.MOST_DEPARTED", 2)
    side = Side()
    async with side.listening(tmp_path) as link:
        for number in range(5):
            async with linked(tmp_path, Worker(total=10), name=f"w{number}"):
                await link.gauges()
            await until(lambda: not link._workers)

        assert await link.gauges() == {"total": 50}
        assert len(link._departed) == 2


async def test_a_worker_is_told_only_what_has_changed_about_its_keys(tmp_path: Path) -> None:
    side, worker = Side(), Worker()
    async with side.listening(tmp_path) as link, linked(tmp_path, worker):
        first = tables(b"first")
        made = Key("id", b"d" * 32)
        await link.push({"changes": replace(first, keys=(made,), keys_ever_made=True).since(first)})

        assert (worker.tables.secret, worker.tables.keys, worker.tables.keys_ever_made) == (b"first", (made,), True)


async def test_a_worker_waits_for_a_controller_and_follows_the_next_one(tmp_path: Path) -> None:
    first, second, worker = Side(), Side(), Worker()
    second.secret = b"of the second"
    early = Controller(str(tmp_path / "control.sock"))
    waiting = asyncio.ensure_future(early.first_tables())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    async with first.listening(tmp_path):
        await asyncio.wait_for(waiting, 30)
        await early.close()
        following = linked(tmp_path, worker)
        controller = await following.__aenter__()
    await until(lambda: not controller.present)
    async with second.listening(tmp_path):
        await until(lambda: worker.obeyed[-1] == b"of the second")
        assert controller.present
        await following.__aexit__(None, None, None)


@pytest.mark.parametrize("said", [b"", b"\x82\x85....", b"\x82\x85....{"])
async def test_a_worker_that_dies_in_the_middle_is_no_error(
    tmp_path: Path, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    side = Side()
    handshake = (
        b"GET /link HTTP/1.1\r\nhost: controller\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\ngateway-process: 1\r\n\r\n"
    )
    async with side.listening(tmp_path) as link:
        for turns in range(10):
            _, writer = await asyncio.open_unix_connection(str(tmp_path / "control.sock"))
            writer.write(handshake + said)
            for _ in range(turns):
                await asyncio.sleep(0)
            writer.transport.abort()
            await link.push({"troubles": {}})
            await until(lambda: not link._workers)
        await asyncio.sleep(0.05)

    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_worker_that_does_not_answer_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    side = Side()
    async with side.listening(tmp_path) as link:
        mute = Controller(str(tmp_path / "control.sock"))
        await mute.first_tables()

        assert await asyncio.wait_for(link.gauges(), 30) == {}
        await mute.close()
