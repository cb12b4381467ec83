"""The controller: all that no call waits for. It decides, hands its decisions to the workers as tables, and keeps the books."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from gateway.chores import every
from gateway.config import handover
from gateway.config.providers import providers
from gateway.config.schema import Config
from gateway.control import analytics, pages
from gateway.control.admin import Admin
from gateway.control.credentials import Credentials
from gateway.control.drain import Drain
from gateway.control.journals import Journals
from gateway.control.keystore import open_keys, usable
from gateway.control.link import Link
from gateway.control.listing import REFRESH_SECONDS, Listing
from gateway.control.metrics import Metrics
from gateway.control.notice import PATH as KEYS_CHANGED
from gateway.control.server import application
from gateway.control.store.sqlite import SqliteStore
from gateway.life import Life
from gateway.policy.tables import Tables

KEY_POLL_SECONDS = 1.0
WATCH_SECONDS = 0.1
PATIENCE_SECONDS = 10.0
"""Beyond `server.drain`: how long the workers may take to end before the books are closed without them."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """`wall` gives nanoseconds since the epoch, `steady` seconds of a clock that never steps back."""

    wall: Callable[[], int]
    steady: Callable[[], float]


class Controller:
    """Built from a configuration and a data directory; raises `DataDirUnusable`. `run` serves until it is stopped."""

    def __init__(self, config: Config, data_dir: Path, environ: Mapping[str, str], clocks: Clocks) -> None:
        self._config = config
        self.credentials = Credentials(config, open_keys(data_dir, wall=lambda: clocks.wall() / 1e9))
        self._providers = providers(config, environ)
        self._listing = Listing(self._providers)
        self._metrics = Metrics()
        with usable(data_dir / "ledger.db"):
            self._store = SqliteStore(data_dir / "ledger.db")
        self._journals = Journals(data_dir / "journal", self._store, self._metrics.count, clock=clocks.steady)
        self._drain = Drain(self._journals.drain)
        self._following = asyncio.Lock()
        self._troubles: dict[str, str] = {}
        self._gauges: dict[str, float] = {}
        self._worker: dict[str, Any] = {}
        self._tables = self._decided()
        self._measure()

    async def run(self, listener: socket.socket, life: Life, served: Callable[[dict[str, Any]], None]) -> None:
        """Answers on `listener` until the end of `life`, and until no worker lives. `served` is called once a worker serves."""

        def serving(worker: dict[str, Any]) -> None:
            self._worker = worker
            served(worker)

        self._link = Link(self._introduction, serving, frozenset({UNAUTHENTICATED}))
        runner = web.AppRunner(self._application(), access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        self._drain.start()
        chores = [
            asyncio.create_task(every(KEY_POLL_SECONDS, self._follow_keys, "following the key store")),
            asyncio.create_task(every(REFRESH_SECONDS, self._list_models, "listing the providers' models")),
            asyncio.create_task(every(WATCH_SECONDS, self._tell_troubles, "watching the store")),
        ]
        await life.ending.wait()
        await self._workers_end()
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        await self._link.close()
        await runner.cleanup()
        await asyncio.to_thread(self._drain.stop, PATIENCE_SECONDS)
        self._journals.close()
        self._store.close()
        self.credentials.close()

    def _decided(self) -> Tables:
        """What the workers are to obey now."""
        return Tables(
            config=orjson.loads(handover.dump(self._config)),
            secret=self.credentials.secret,
            admin=self.credentials.admin,
            keys=self.credentials.keys,
            keys_ever_made=self.credentials.keys_ever_made,
            listing=self._listing.models,
        )

    def _introduction(self) -> dict[str, Any]:
        return {"tables": self._tables.fields(), "troubles": self._troubles}

    async def _decide(self) -> None:
        """Has the workers obey what has changed."""
        before, self._tables = self._tables, self._decided()
        await self._link.push({"changes": self._tables.since(before)})

    def _application(self) -> web.Application:
        admin = Admin(self.credentials.keyring, costs=self._costs, exposition=self._exposition, state=self._state)
        return application(
            public={"GET /": admin.page, "GET /metrics": admin.metrics, "GET /admin/analytics/costs": admin.costs},
            internal={"GET /link": self._link.serve, f"POST {KEYS_CHANGED}": self._keys_changed},
        )

    async def _follow_keys(self) -> None:
        async with self._following:  # who comes meanwhile returns when the workers obey, too
            if self.credentials.refresh():
                await self._decide()

    async def _keys_changed(self, request: web.Request) -> web.Response:
        await self._follow_keys()
        return web.Response(status=204)

    async def _list_models(self) -> None:
        await self._listing.refresh()
        await self._decide()

    async def _tell_troubles(self) -> None:
        """Has the workers' readiness say what is wrong here."""
        troubles = {"ledger": self._journals.trouble} if self._journals.trouble else {}
        if troubles != self._troubles:
            self._troubles = troubles
            await self._link.push({"troubles": troubles})

    async def _costs(self, start: str | None, end: str | None, group_by: str | None) -> dict[str, Any]:
        await self._drain.done()  # who reads the store next finds there what the report counts
        await asyncio.to_thread(self._journals.count)
        return await asyncio.to_thread(analytics.costs, self._journals, start, end, group_by)

    async def _exposition(self) -> bytes:
        self._gauges, _ = await asyncio.gather(self._link.gauges(), asyncio.to_thread(self._journals.count))
        return await asyncio.to_thread(self._metrics.exposition)

    def _state(self, address: str) -> pages.State:
        return pages.State(
            version=version("llm-gateway"),
            address=address,
            providers=tuple(provider.name for provider in self._providers),
            troubles=self._troubles if self._worker else {"worker": "starting"},
            model=self._worker.get("models", ["demo"])[0],
            open_to_guests=self._worker.get("open_to_guests", False) and not self.credentials.keys_ever_made,
        )

    async def _workers_end(self) -> None:
        """Returns once no worker writes to its journal any more, or none is waited for any longer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._config.server.drain + PATIENCE_SECONDS):
                while await asyncio.to_thread(lambda: self._journals.living):  # noqa: ASYNC110
                    await asyncio.sleep(WATCH_SECONDS)

    def _measure(self) -> None:
        for name, text in WORKERS_GAUGES.items():
            self._metrics.gauges[name] = (text, lambda name=name: self._gauges.get(name, 0.0))  # type: ignore[misc]
        self._metrics.counters[UNAUTHENTICATED] = (
            "Requests refused because they had no valid key.",
            lambda: self._gauges.get(UNAUTHENTICATED, 0.0) + self.credentials.keyring.refused,
        )
        self._metrics.gauges["gateway_ledger_backlog"] = (
            "Ended calls that the store does not have yet.",
            lambda: self._journals.backlog,
        )
        self._metrics.gauges["gateway_ledger_healthy"] = (
            "1 while the ledger's store takes rows.",
            lambda: float(self._journals.trouble is None),
        )


WORKERS_GAUGES = {
    "gateway_exact_cache_bytes": "Bytes that the exact cache holds.",
    "gateway_exact_cache_entries": "Answers in the exact cache.",
    "gateway_requests_in_progress": "HTTP requests being answered.",
    "gateway_upstream_connections": "Connections to providers.",
}
UNAUTHENTICATED = "gateway_unauthenticated"
"""This only rises: what a worker counted stays counted when it is gone."""
