"""The composition root: the only place that knows every part, and where clocks and randomness come from."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from gateway.api.access import AccessLog
from gateway.api.admin import Admin
from gateway.api.chat import Chat
from gateway.api.cors import Cors
from gateway.api.guests import Guests
from gateway.api.health import Health
from gateway.api.models import PREFIX, Models
from gateway.api.request import ServerOptions
from gateway.api.server import Server
from gateway.cache.coalesce import Flights
from gateway.cache.exact import Exact
from gateway.config.datadir import lock, open_keys, usable
from gateway.config.keystore import KeyStore
from gateway.config.listing import Listing
from gateway.config.providers import DEMO_PRICE, aliases, providers, stand_ins
from gateway.config.schema import Config
from gateway.ledger import analytics
from gateway.ledger.ledger import Ledger
from gateway.ledger.metrics import Metrics
from gateway.ledger.prices import Prices, own_rate
from gateway.ledger.settle import Settlement
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.wal import Journal
from gateway.native import Canon
from gateway.pipeline import Pipeline
from gateway.policy.keys import Keyring, digest
from gateway.policy.limits import Limits
from gateway.policy.route import Router
from gateway.upstream.demo import Demo
from gateway.upstream.pool import Pool, Upstream

log = logging.getLogger(__name__)

KEY_POLL_SECONDS = 1.0
LAST_WORDS_SECONDS = 1.0
FAMILIAR = (
    "demo",
    "gpt-4o-mini",
    "deepseek-chat",
    "grok-3-mini",
    "mistral-small-latest",
    "llama-3.3-70b-versatile",
)


class App:
    """One gateway process: built from a configuration, started, drained and closed."""

    def __init__(self, config: Config, data_dir: Path, environ: Mapping[str, str]) -> None:
        self.config = config
        self._lock = lock(data_dir)
        self.key_store = open_keys(data_dir)
        self.providers = providers(config, environ)
        self.admin_key, admin_digest = _admin_key(config, self.key_store)
        self.keyring = Keyring(admin_digest, anonymous=_guests_welcome(config), refresh=self._load_keys)
        self._load_keys()
        own = {name: own_rate(price.model_dump(exclude_none=True)) for name, price in config.prices.items()}
        self.prices = Prices({"demo/demo": DEMO_PRICE, **own}, wall=time.time_ns)
        self._ledger_path = data_dir / "ledger.db"
        with usable(self._ledger_path):
            self.store = SqliteStore(self._ledger_path)
        self.ledger = Ledger(Journal(data_dir / "journal"), self.store, wall=time.time_ns, clock=time.monotonic_ns)
        self.metrics = Metrics()
        self.ledger.observers.append(self.metrics.count)
        demo = Demo()
        self.pool = Pool()
        self.upstream = Upstream({"http": self.pool, "https": self.pool, "demo": demo})
        self.listing = Listing(self.providers, self.upstream, self.prices)
        self.router = Router(
            self.providers, aliases(config, self.providers), self.listing.knows, stand_ins(self.providers)
        )
        self.listing.changed = self.router.forget
        self.pipeline = self._pipeline()
        self.server = self._server()
        self._measure()

    def _pipeline(self) -> Pipeline:
        exact = self.config.cache.exact
        limits = self.config.limits
        return Pipeline(
            ledger=self.ledger,
            keys=self.keyring,
            canon=Canon(_secret(self.config, self.key_store)),
            limits=Limits(limits.requests_per_minute, limits.concurrency, clock=time.monotonic_ns),
            exact=Exact(
                capacity=exact.capacity,
                ttl=exact.ttl,
                largest=exact.largest if exact.enabled else 0,
                sampled=exact.sampled,
                clock=time.monotonic_ns,
            ),
            flights=Flights(limit=exact.largest),
            router=self.router,
            upstream=self.upstream,
            settlement=Settlement(self.prices),
        )

    def _server(self) -> Server:
        server = self.config.server
        options = ServerOptions(
            max_body=server.max_body,
            header_timeout=server.header_timeout,
            body_timeout=server.body_timeout,
            keepalive=server.keepalive,
            write_timeout=server.write_timeout,
        )
        cors = Cors(server.cors)
        chat = Chat(self.pipeline, options)
        models = Models(self.keyring, self.router, self.listing.rows)
        health = Health(self._not_ready, self._metrics)
        admin = Admin(self.keyring, self._costs)
        return Server(
            {
                "/v1/chat/completions": {"POST": chat.completions},
                "/chat/completions": {"POST": chat.completions},
                "/v1/models": {"GET": models.index},
                PREFIX: {"GET": models.one},
                "/health/live": {"GET": health.live, "HEAD": health.live},
                "/health/liveliness": {"GET": health.live, "HEAD": health.live},
                "/health/ready": {"GET": health.ready, "HEAD": health.ready},
                "/health/readiness": {"GET": health.ready, "HEAD": health.ready},
                "/metrics": {"GET": health.metrics},
                "/admin/analytics/costs": {"GET": admin.costs},
            },
            options,
            guests=Guests(self.keyring, cors) if _on_loopback(self.config) else None,
            cors=cors if server.cors else None,
            access=AccessLog(_to_stdout, time.monotonic_ns) if server.access_log else None,
            prefix=secrets.token_hex(8),
        )

    async def run(self, started: Callable[[str, int], None]) -> None:
        """Serves until SIGTERM or SIGINT, then drains. `started` is told the host and the port."""
        loop = asyncio.get_running_loop()
        sys.set_asyncgen_hooks(
            None, None
        )  # every generator here is closed by who opened it; 2 µs a call for a weak reference
        stop = asyncio.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, stop.set)
        with usable(self._ledger_path):
            interrupted = self.ledger.recover()
        if interrupted:
            log.warning("%d calls were interrupted when the gateway last stopped; they are in the ledger", interrupted)
        listener = await loop.create_server(self.server, self.config.server.host, self.config.server.port, backlog=1024)
        chores = [asyncio.create_task(self._watch_keys()), asyncio.create_task(self.listing.fetch())]
        host, port = listener.sockets[0].getsockname()[:2]
        started(host, port)
        await stop.wait()
        await self._drain(listener)
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        await self.close()

    def first_models(self) -> list[str]:
        """A few names that a newcomer may ask for, aliases first."""
        names = [name for provider in self.providers for name in self.listing.names(provider)]
        preferred = [name for name in FAMILIAR if name in names]
        return list(dict.fromkeys([*self.router.aliases, *preferred, *names]))[:5] or ["provider/model"]

    async def close(self) -> None:
        """Closes what the constructor opened."""
        await self.upstream.close()
        await self.ledger.close_down()
        self.key_store.close()
        self._lock.close()

    async def _drain(self, listener: asyncio.Server) -> None:
        """Refuses new connections, lets open calls finish for `server.drain` seconds, then cuts them off."""
        self.server.draining = True
        listener.close()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.config.server.drain
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self.server.idle()
        self.server.stop_sweeping()
        await self.server.shutdown(max(LAST_WORDS_SECONDS, deadline - loop.time()))

    async def _watch_keys(self) -> None:
        """Follows changes that `gateway keys` makes while this process runs."""
        while True:
            await asyncio.sleep(KEY_POLL_SECONDS)
            self._load_keys()

    def _load_keys(self) -> None:
        if self.key_store.changed():
            records = self.key_store.records()
            self.keyring.replace([record.key for record in records if record.revoked_at is None], ever=bool(records))

    def _not_ready(self) -> dict[str, str]:
        wrong = {}
        if self.server.draining:
            wrong["server"] = "draining"
        if not self.ledger.healthy:
            wrong["ledger"] = "the store refuses rows; they wait in the journal"
        return wrong

    async def _metrics(self) -> bytes:
        await self.ledger.settle_down()
        return self.metrics.exposition()

    async def _costs(self, start: str | None, end: str | None, group_by: str | None) -> dict[str, Any]:
        await self.ledger.settle_down()
        return await asyncio.to_thread(analytics.costs, self.store, start, end, group_by)

    def _measure(self) -> None:
        exact = self.pipeline.exact
        self.metrics.unauthenticated = lambda: self.ledger.strangers
        self.metrics.gauges.update(
            {
                "gateway_exact_cache_bytes": ("Bytes that the exact cache holds.", lambda: exact.weight),
                "gateway_exact_cache_entries": ("Answers in the exact cache.", lambda: len(exact)),
                "gateway_requests_in_progress": ("HTTP requests being answered.", lambda: self.server.busy),
                "gateway_upstream_connections": ("Connections to providers.", lambda: len(self.pool)),
                "gateway_ledger_backlog": (
                    "Closed calls that the store does not have yet.",
                    lambda: self.ledger.backlog,
                ),
                "gateway_ledger_healthy": (
                    "1 while the ledger's store takes rows.",
                    lambda: float(self.ledger.healthy),
                ),
            }
        )


def _admin_key(config: Config, store: KeyStore) -> tuple[str | None, bytes]:
    """The admin key if one had to be made just now, and the hash of the one that counts."""
    if config.admin_key is not None:
        return None, digest(config.admin_key.get_secret_value())
    if kept := store.secret("admin"):
        return None, kept
    fresh = f"sk-gw-admin-{secrets.token_hex(24)}"
    store.keep_secret("admin", digest(fresh))
    return fresh, digest(fresh)


def _secret(config: Config, store: KeyStore) -> bytes:
    """What keys the cache: `secret` (GATEWAY_SECRET), else one that is made once and kept."""
    if config.secret is not None:
        return config.secret.get_secret_value().encode()
    kept = store.secret("canon")
    if kept is None:
        kept = os.urandom(32)
        store.keep_secret("canon", kept)
    return kept


def _guests_welcome(config: Config) -> bool:
    return _on_loopback(config) and config.auth.anonymous == "auto"


def _on_loopback(config: Config) -> bool:
    host = config.server.host
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _to_stdout(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
