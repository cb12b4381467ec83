"""The worker: the data plane's composition root. The only place that knows every part of it, and where its clocks come from."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvloop

from gateway.api.access import AccessLog
from gateway.api.calls import Calls
from gateway.api.controller import RETRY_SECONDS, Controller
from gateway.api.cors import Cors
from gateway.api.formats import FORMATS
from gateway.api.forward import Forward
from gateway.api.guests import Guests
from gateway.api.health import Health
from gateway.api.models import PREFIX, Models
from gateway.api.request import ServerOptions
from gateway.api.server import Server
from gateway.cache.exact import Exact
from gateway.cache.flights import Flights
from gateway.cache.memo import Memory
from gateway.chores import every
from gateway.config import logs
from gateway.config.datadir import control_path
from gateway.config.providers import DEMO_PRICE, aliases, providers, stand_ins
from gateway.config.schema import Config
from gateway.dispatch import Dispatch
from gateway.errors import ShuttingDown
from gateway.inheritance import Inheritance
from gateway.ledger.journal import Journal
from gateway.ledger.ledger import Ledger
from gateway.ledger.prices import Prices, own_rate
from gateway.ledger.settle import Settlement
from gateway.life import Life
from gateway.native import Canon
from gateway.pipeline import Pipeline
from gateway.policy.allowance import Allowance, Allowances, of_key
from gateway.policy.keys import Keyring
from gateway.policy.offer import Offer
from gateway.policy.route import Router
from gateway.policy.tables import Tables
from gateway.upstream.demo.transport import Demo
from gateway.upstream.pool import Pool, Upstream

log = logging.getLogger("gateway.app")

LAST_WORDS_SECONDS = 1.0
SETTLE_SECONDS = 5.0
"""How long what was cut off may take to be settled; beyond that it is closed as interrupted."""


class App:
    """One worker: built from its first tables, started, drained and closed."""

    def __init__(self, tables: Tables, data_dir: Path, controller: Controller, environ: Mapping[str, str]) -> None:
        self.config = config = Config.model_validate(tables.config)
        self.controller = controller
        self.troubles: Mapping[str, str] = {}
        self.listing: Mapping[str, tuple[str, ...]] = {}
        self.providers = providers(config, environ)
        self.keyring = Keyring(anonymous=_guests_welcome(config))
        own = {name: own_rate(price.model_dump(exclude_none=True)) for name, price in config.prices.items()}
        self.prices = Prices({"demo/demo": DEMO_PRICE, **own}, wall=time.time_ns)
        self.journal = Journal(data_dir / "journal", soon=asyncio.get_running_loop().call_soon_threadsafe)
        self.ledger = Ledger(self.journal, wall=time.time_ns, clock=time.monotonic_ns)
        self.pool = Pool()
        self.upstream = Upstream({"http": self.pool, "https": self.pool, "demo": Demo(time.time)})
        named = aliases(config, self.providers)
        self.offer = Offer(self.providers, named, self.prices)
        self.router = Router(self.providers, named, self.offer.knows, stand_ins(self.providers))
        self.pipeline = self._pipeline()
        self.forward = Forward(controller, _options(config))
        self.server = self._server(tables.secret)
        self.obey(tables)

    def _pipeline(self) -> Pipeline:
        exact, limits = self.config.cache.exact, self.config.limits
        default = Allowance("key", "", limits.requests_per_minute, limits.concurrency)
        kept = Exact(capacity=exact.capacity, ttl=exact.ttl, largest=exact.largest, clock=time.monotonic_ns)
        settlement = Settlement(self.prices)
        return Pipeline(
            ledger=self.ledger,
            keys=self.keyring,
            allowances=Allowances(lambda key: of_key(key, default), clock=time.monotonic_ns),
            memory=Memory(kept, Flights(limit=exact.largest), enabled=exact.enabled, sampled=exact.sampled),
            router=self.router,
            dispatch=Dispatch(self.upstream, settlement),
            settlement=settlement,
        )

    def _server(self, secret: bytes) -> Server:
        server = self.config.server
        options = _options(self.config)
        cors = Cors(server.cors)
        calls = {
            path: {"POST": Calls(format, Canon(secret), self.pipeline, options).answer}
            for format in FORMATS
            for path in format.paths
        }
        models = Models(self.keyring, self.router, self.offer.rows)
        health = Health(self._not_ready)
        forwarded = dict.fromkeys(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"), self.forward.any)
        return Server(
            {
                **calls,
                "/v1/models": {"GET": models.index},
                PREFIX: {"GET": models.one},
                "/health/live": {"GET": health.live},
                "/health/liveliness": {"GET": health.live},
                "/health/ready": {"GET": health.ready},
                "/health/readiness": {"GET": health.ready},
                "/": {"GET": self.forward.any},
                "/metrics": {"GET": self.forward.any},
                "/admin/": forwarded,
            },
            options,
            guests=Guests(self.keyring, cors) if _on_loopback(self.config) else None,
            cors=cors if server.cors else None,
            access=AccessLog(_access_log(), time.monotonic_ns) if server.access_log else None,
            prefix=secrets.token_hex(8),
        )

    def obey(self, tables: Tables) -> None:
        """Takes on what the controller has decided."""
        self.keyring.replace(tables.keys, admin=tables.admin, ever=tables.keys_ever_made)
        self.pipeline.allowances.retain({key.id for key in tables.keys})
        if tables.listing is not self.listing:
            self.listing = tables.listing
            self.offer.take(tables.listing)
            self.router.forget()

    def hear(self, troubles: Mapping[str, str]) -> None:
        """Takes on what is wrong on the controller's side, by the name of the part."""
        self.troubles = troubles

    def gauges(self) -> dict[str, float]:
        """What this worker holds and does now, by the name of the metric."""
        exact = self.pipeline.memory.exact
        return {
            "gateway_exact_cache_bytes": exact.weight,
            "gateway_exact_cache_entries": len(exact),
            "gateway_requests_in_progress": self.server.busy,
            "gateway_upstream_connections": len(self.pool),
            "gateway_unauthenticated": self.keyring.refused,
        }

    def greeting(self) -> dict[str, Any]:
        """What a newcomer needs to know for a first call."""
        return {
            "providers": [provider.name for provider in self.providers],
            "models": self.offer.first(),
            "open_to_guests": self.keyring.open_to_guests,
        }

    async def run(self, listener: socket.socket, life: Life) -> None:
        """Serves on a listening socket until the end of `life`, then drains and closes everything."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self.server, sock=listener, backlog=1024)
        following = asyncio.create_task(every(RETRY_SECONDS, self._follow, "following the controller"))
        await self.controller.serving(self.greeting())
        await life.ending.wait()
        await self._drain(server, life)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await self.close()

    async def close(self) -> None:
        """Closes what the constructor opened."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                await self.pipeline.memory.flights.settled()
        await self.upstream.close()
        await self.forward.close()
        await self.controller.close()
        self.journal.close()

    async def _follow(self) -> None:
        await self.controller.follow(self)

    async def _drain(self, server: asyncio.Server, life: Life) -> None:
        """Refuses new connections, lets open calls finish for `server.drain` seconds, then cuts them off."""
        self.server.draining = True
        server.close()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.config.server.drain
        if self.server.busy:
            log.info("stopping; %d open call(s) have %g s to finish", self.server.busy, self.config.server.drain)
        idle, cut = asyncio.create_task(self.server.idle()), asyncio.create_task(life.cut_short.wait())
        await asyncio.wait((idle, cut), timeout=self.config.server.drain, return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()
        cut.cancel()
        self.ledger.ending = True
        self.pipeline.memory.flights.fail_all(ShuttingDown())
        self.server.stop_sweeping()
        left = 0.0 if life.cut_short.is_set() else deadline - loop.time()
        await self.server.shutdown(max(LAST_WORDS_SECONDS, left))

    def _not_ready(self) -> dict[str, str]:
        wrong = {}
        if self.server.draining:
            wrong["server"] = "draining"
        if not self.controller.present:
            wrong["controller"] = "away; calls go on as it last decided"
        if self.journal.trouble:
            wrong["journal"] = self.journal.trouble
        return {**wrong, **self.troubles}


def _options(config: Config) -> ServerOptions:
    server = config.server
    return ServerOptions(
        max_body=server.max_body,
        header_timeout=server.header_timeout,
        body_timeout=server.body_timeout,
        keepalive=server.keepalive,
        write_timeout=server.write_timeout,
    )


def _guests_welcome(config: Config) -> bool:
    return _on_loopback(config) and config.auth.anonymous == "auto"


def _on_loopback(config: Config) -> bool:
    host = config.server.host
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _access_log() -> Callable[[bytes], None]:
    """Writes lines to standard output. One that finds no room is lost: no call waits for whoever reads the log."""
    try:  # opened anew, since what is not to block is shared with the other processes otherwise; a socket cannot be
        output = os.open("/proc/self/fd/1", os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        output = 1

    def write(line: bytes) -> None:
        with suppress(OSError):
            os.write(output, line)

    return write


async def serve(inheritance: Inheritance) -> None:
    """Runs one worker until the supervisor ends it, or is gone."""
    sys.set_asyncgen_hooks(None, None)  # every generator here is closed by who opened it: 2 µs a call saved
    life = Life.under_a_supervisor(inheritance.lifeline)
    data_dir = Path(inheritance.data_dir)
    with control_path(data_dir) as control:
        controller = Controller(control, secrets.token_hex(8))
        tables = await life.unless_ended(controller.first_tables())
        if tables is None:
            await controller.close()
            return
        app = App(tables, data_dir, controller, os.environ)
        logs.configure(app.config.log.level)
        gc.collect()
        gc.freeze()  # what lives as long as the process is not looked through again and again
        await app.run(socket.socket(fileno=inheritance.listener), life)


if __name__ == "__main__":
    uvloop.run(serve(Inheritance.of(sys.argv[1:])))
