"""The scenarios: each starts what it needs, does its worst, and yields what it measured."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from benches.load import server
from benches.load.bodies import body
from benches.load.cases import PATH
from benches.load.client import Client
from benches.load.generator import saturate
from benches.load.server import Server
from benches.soak.calls import Calls
from benches.soak.disk import Disk, Fault, failing, full, locked
from benches.soak.watch import Watch, p99, rows

SECONDS = 60
OUTAGE_SECONDS = 30
SETTLE_SECONDS = 5
LAG_SECONDS = 3
"""How long a row may take to reach the store."""


@dataclass(frozen=True)
class Figure:
    name: str
    value: float
    bound: float

    @property
    def kept(self) -> bool:
        return self.value <= self.bound


def saturation(running: ExitStack) -> Iterator[Figure]:
    """One core saturated with hits, while metrics and analytics are asked for."""
    core, load_core = sorted(os.sched_getaffinity(0))[:2]
    mock = running.enter_context(server.mock(load_core))
    gateway = running.enter_context(server.gateway(core, mock.url))
    hit = body(unique=False)
    with Client(gateway.port, gateway.key) as client:
        client.ask(hit)
    with Watch(gateway).running() as watch:
        load = saturate(gateway.url + PATH, hit, gateway.key, SECONDS, load_core)
    yield Figure("calls without a row", missing(gateway, load.requests + 1), 0)
    yield Figure("the store behind, s, at most", max(watch.lag), 3)
    yield Figure("memory grown, MB", watch.growth, 10)
    yield Figure("/metrics p99, ms", p99(watch.metrics), 500)
    yield Figure("/admin/analytics/costs p99, ms", p99(watch.analytics), 500)
    yield Figure("scrapes failed", watch.failures, 0)


def store_locked(running: ExitStack) -> Iterator[Figure]:
    """The ledger's store locked by another process for 30 s."""
    yield from _outage(running, locked)


def store_full(running: ExitStack) -> Iterator[Figure]:
    """The disk of the ledger's store full for 30 s."""
    yield from _outage(running, full)


def store_unreachable(running: ExitStack) -> Iterator[Figure]:
    """Every write to the ledger's store an I/O error for 30 s."""
    yield from _outage(running, failing)


def _outage(running: ExitStack, fault: Fault) -> Iterator[Figure]:
    """The store fails under 200 calls a second, comes back, and fails again while the gateway is told to stop."""
    core, load_core = sorted(os.sched_getaffinity(0))[:2]
    disk = running.enter_context(Disk.mounted())
    mock = running.enter_context(server.mock(load_core))
    gateway = running.enter_context(server.gateway(core, mock.url, store=disk.path / "ledger.db"))
    with Watch(gateway).running() as watch, Calls(gateway).going() as calls:
        time.sleep(SETTLE_SECONDS)
        with fault(disk, gateway):
            time.sleep(OUTAGE_SECONDS)
        time.sleep(SETTLE_SECONDS)
    yield Figure("calls failed", calls.failed, 0)
    yield Figure("calls without a row", missing(gateway, calls.answered), 0)
    yield Figure("memory grown, MB", watch.growth, 10)
    yield Figure("scrapes failed", watch.failures, 0)
    yield Figure("/metrics p99, ms", p99(watch.metrics), 500)
    yield Figure("log lines of the ledger", gateway.said().count('"from":"gateway.control.journals"'), 2)
    with fault(disk, gateway):
        began = time.monotonic()
        os.kill(gateway.pid, signal.SIGTERM)
        gateway.wait()
        yield Figure("SIGTERM done, s", time.monotonic() - began, 30)


def missing(gateway: Server, answered: int) -> int:
    """Answered calls that have no row in time."""
    until = time.monotonic() + LAG_SECONDS
    while (without := answered - rows(gateway)) > 0 and time.monotonic() < until:
        time.sleep(0.1)
    return without


SCENARIOS: dict[str, Callable[[ExitStack], Iterator[Figure]]] = {
    "saturation": saturation,
    "store_locked": store_locked,
    "store_full": store_full,
    "store_unreachable": store_unreachable,
}
