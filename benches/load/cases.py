"""What is compared with what, and the measuring of one case on one server."""

import statistics
import time
from dataclasses import dataclass

from benches.load.answers import EVENTS
from benches.load.bodies import body
from benches.load.client import Answer, Client, latencies
from benches.load.generator import BenchError, Load, saturate
from benches.load.server import Server, idle_seconds

PATH = "/v1/chat/completions"

_SETTLE_SECONDS = 0.3
_MOST_LOST_BYTES = 0.1


@dataclass(frozen=True)
class Case:
    name: str
    reference: str
    """The server it is compared with: `handler` or `proxy`."""
    body: str
    cache: str
    """What the gateway's `x-gateway-cache` must say, or the case would not measure what it is called."""
    events: int = 1
    """Units in one answer: 64 events where answers are streams."""
    judged: str = "rate"
    """The ratio that counts: of `rate`, or of `cpu` where the rate is bound by the mock's pace."""
    target: float | None = None

    @property
    def unit(self) -> str:
        return "events/s" if self.events > 1 else "calls/s"


@dataclass(frozen=True)
class Run:
    """One server under one case for a few seconds."""

    rate: float
    """Calls or events per second."""
    cpu_us: float
    """CPU time of all the server's processes per call, or per event where answers are streams."""
    idle: float
    """Share of the run in which the server's core had nothing to do; high, the server was not the limit."""


@dataclass(frozen=True)
class Latency:
    """One connection, one call at a time, in microseconds."""

    p50: float
    p99: float


CASES = (
    Case("exact_hit", "handler", body(unique=False), "hit", target=0.8),
    Case("miss", "proxy", body(unique=True), "miss", target=0.7),
    Case("stream_burst", "proxy", body(unique=True, streamed=True), "miss", EVENTS, target=0.8),
    Case("stream_paced", "proxy", body(unique=True, streamed=True, paced=True), "miss", EVENTS, judged="cpu"),
)


def check(case: Case, server: Server) -> Answer:
    """Show that the server does what `case` says, by the second of two calls: the first may fill a cache."""
    with Client(server.port, server.key) as client:
        client.ask(case.body)
        answer = client.ask(case.body)
    said = answer.headers.get("x-gateway-cache", case.cache)
    if answer.status != 200:
        raise BenchError(f"{case.name} on {server.name}: {answer.status} {answer.body[:300]!r}")
    if said != case.cache:
        raise BenchError(f"{case.name} on {server.name}: x-gateway-cache is {said}, not {case.cache}")
    if case.events > 1 and answer.events != case.events:
        raise BenchError(f"{case.name} on {server.name}: {answer.events} events of {case.events}")
    return answer


def measure(case: Case, server: Server, seconds: int, core: int) -> Run:
    """Saturate `server` from `core`, metering its process and its core meanwhile."""
    answer = check(case, server)
    time.sleep(_SETTLE_SECONDS)
    began, cpu, idle = time.monotonic(), server.cpu_seconds(), idle_seconds(server.core)
    load = saturate(server.url + PATH, case.body, server.key, seconds, core)
    wall, cpu, idle = time.monotonic() - began, server.cpu_seconds() - cpu, idle_seconds(server.core) - idle
    calls = _calls(case, server, load, answer.size)
    return Run(calls / load.seconds * case.events, cpu / calls / case.events * 1e6, min(1.0, idle / wall))


def _calls(case: Case, server: Server, load: Load, size: int) -> float:
    """Calls answered; of streams also the parts of those still open at the end, by their bytes."""
    received = load.bytes / size
    if received < load.requests * (1 - _MOST_LOST_BYTES):
        raise BenchError(f"{case.name} on {server.name}: {load.requests} answers, but the bytes of only {received:.0f}")
    return received if case.events > 1 else load.requests


def one_by_one(case: Case, server: Server, seconds: float, first_byte: bool = False) -> Latency:
    check(case, server)
    answers = latencies(server.port, server.key, case.body, seconds)
    cuts = statistics.quantiles([a.first_us if first_byte else a.last_us for a in answers], n=100)
    return Latency(cuts[49], cuts[98])
