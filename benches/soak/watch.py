"""What is seen of a gateway from outside while something happens to it, sampled in a thread."""

import sqlite3
import statistics
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from benches.load.server import Server

PAUSE_SECONDS = 0.5


@dataclass
class Watch:
    """Samples of one gateway. Times are in milliseconds, memory in MB, the ledger's lag in seconds."""

    server: Server
    metrics: list[float] = field(default_factory=list)
    analytics: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    lag: list[float] = field(default_factory=list)
    failures: int = 0

    @contextmanager
    def running(self) -> Iterator["Watch"]:
        over = threading.Event()
        thread = threading.Thread(target=self._run, args=(over,))
        thread.start()
        try:
            yield self
        finally:
            over.set()
            thread.join()

    @property
    def growth(self) -> float:
        """Memory at the end over memory when it had settled, in MB: medians of a fifth of the samples each."""
        fifth = max(1, len(self.memory) // 5)
        return statistics.median(self.memory[-fifth:]) - statistics.median(self.memory[fifth : 2 * fifth])

    def _run(self, over: threading.Event) -> None:
        while not over.wait(PAUSE_SECONDS):
            self._time(self.metrics, "/metrics", {})
            self._time(self.analytics, "/admin/analytics/costs", {"authorization": f"Bearer {self.server.admin}"})
            self.memory.append(self.server.memory() / 1e6)
            with suppress(sqlite3.Error, TypeError):
                self.lag.append(time.time() - last_row(self.server) / 1e9)

    def _time(self, times: list[float], path: str, headers: dict[str, str]) -> None:
        began = time.perf_counter()
        try:
            with urllib.request.urlopen(
                urllib.request.Request(self.server.url + path, headers=headers), timeout=60
            ) as answer:
                answer.read()
        except OSError:
            self.failures += 1
        else:
            times.append((time.perf_counter() - began) * 1e3)


def last_row(server: Server) -> int:
    """When the latest call in the store began, in nanoseconds since the epoch."""
    with sqlite3.connect(f"file:{server.data}/ledger.db?mode=ro", uri=True, timeout=0.1) as db:
        found: int = db.execute("SELECT max(started_ns) FROM calls").fetchone()[0]
    db.close()
    return found


def rows(server: Server) -> int:
    """Calls in the store."""
    with sqlite3.connect(f"file:{server.data}/ledger.db?mode=ro", uri=True, timeout=10) as db:
        found: int = db.execute("SELECT count(*) FROM calls").fetchone()[0]
    db.close()
    return found


def p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98] if len(times) > 1 else float("nan")
