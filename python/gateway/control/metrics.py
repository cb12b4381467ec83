"""Prometheus metrics, summed from the rows of ended calls. Labels are bounded; never a key or a user."""

from __future__ import annotations

import logging
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from gateway.chat.money import to_usd
from gateway.ledger.row import COLUMNS

log = logging.getLogger(__name__)

BUCKETS_MS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000)
LIMITS = {"model": 500, "provider": 100, "endpoint": 50, "cache": 20, "outcome": 20, "status": 100, "saved_by": 20}
"""How many values of a label are told apart; later ones count as `other`."""
OTHER = "other"
_CALL_LABELS = ("endpoint", "provider", "model", "cache", "outcome", "status")
_TOKENS = ("input", "output", "cached", "reasoning")

_AT = {name: at for at, name in enumerate(COLUMNS)}
_CALL = itemgetter(*(_AT[name] for name in _CALL_LABELS))
_SPENT = itemgetter(*(_AT[f"{kind}_tokens"] for kind in _TOKENS), _AT["cost_pico"])
_ATTEMPTS, _PROVIDER, _MODEL = _AT["attempts"], _AT["provider"], _AT["model"]
_SAVED, _SAVED_BY = _AT["saved_pico"], _AT["saved_by"]
_ENDPOINT, _CACHE, _DURATION = _AT["endpoint"], _AT["cache"], _AT["duration_us"]

Gauge = tuple[str, Callable[[], float]]
"""What it says, and how to ask for its value."""


class Labels:
    """The values of labels that were seen, each label's up to its limit."""

    def __init__(self) -> None:
        self._seen: dict[str, set[Any]] = {name: set() for name in LIMITS}

    def bounded(self, name: str, value: Any) -> Any:
        seen = self._seen[name]
        if value not in seen:
            if len(seen) >= LIMITS[name]:
                return OTHER
            seen.add(value)
        return value


class Metrics(Collector):
    """Counts rows as they are read from the journals; gauges and further counters are asked at the scrape."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[Any, ...]] = Counter()
        self._tokens: Counter[tuple[str, ...]] = Counter()
        self._cost: Counter[tuple[str, ...]] = Counter()
        self._saved: Counter[str] = Counter()
        self._duration: dict[tuple[str, ...], list[int]] = {}
        self._duration_sum: Counter[tuple[str, ...]] = Counter()
        self._labels = Labels()
        self._counting = threading.Lock()
        self.gauges: dict[str, Gauge] = {}
        self.counters: dict[str, Gauge] = {}
        """Like gauges, for what only grows; the name is without `_total`."""
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def count(self, rows: Sequence[Sequence[Any]]) -> None:
        """Adds ledger rows. May be called from any thread."""
        with self._counting:
            for labels, calls in Counter(map(_CALL, rows)).items():
                self._requests[self._bounded(_CALL_LABELS, labels)] += calls
            for row in rows:
                if row[_SAVED_BY]:
                    self._saved[self._labels.bounded("saved_by", row[_SAVED_BY])] += row[_SAVED]
                if row[_ATTEMPTS]:
                    self._spend(row)
                self._time(row)

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        with self._counting:
            return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        text = "Calls by endpoint, provider, model, cache, outcome and status."
        yield _counter("gateway_requests", text, _CALL_LABELS, self._requests)
        kinds = ("provider", "model", "kind")
        yield _counter("gateway_tokens", "Tokens by provider, model and kind.", kinds, self._tokens)
        spent = {at: to_usd(pico) for at, pico in self._cost.items()}
        yield _counter("gateway_cost_usd", "Known cost in USD.", ("provider", "model"), spent)
        text = "What calls would have cost, less what was paid, by cause."
        saved = {(cause,): to_usd(pico) for cause, pico in self._saved.items()}
        yield _counter("gateway_saved_usd", text, ("cause",), saved)
        yield self._durations()
        for name, (text, read) in self.counters.items():
            for value in _asked(name, read):
                yield _counter(name, text, (), {(): value})
        for name, (text, read) in self.gauges.items():
            for value in _asked(name, read):
                yield GaugeMetricFamily(name, text, value=value)

    def _bounded(self, names: Sequence[str], values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(map(self._labels.bounded, names, values))

    def _spend(self, row: Sequence[Any]) -> None:
        at = self._bounded(("provider", "model"), (row[_PROVIDER], row[_MODEL]))
        *tokens, cost = _SPENT(row)
        for kind, count in zip(_TOKENS, tokens, strict=True):
            if count:
                self._tokens[*at, kind] += count
        if cost:
            self._cost[at] += cost

    def _time(self, row: Sequence[Any]) -> None:
        at, duration = self._bounded(("endpoint", "cache"), (row[_ENDPOINT], row[_CACHE])), row[_DURATION]
        counts = self._duration.get(at)
        if counts is None:
            counts = self._duration[at] = [0] * (len(BUCKETS_MS) + 1)
        counts[bisect_left(BUCKETS_MS, duration / 1000)] += 1
        self._duration_sum[at] += duration

    def _durations(self) -> HistogramMetricFamily:
        text = "Time from request to the end of the answer."
        family = HistogramMetricFamily("gateway_duration_seconds", text, labels=("endpoint", "cache"))
        for at, counts in self._duration.items():
            buckets, total = [], 0
            for bound, count in zip((*BUCKETS_MS, None), counts, strict=True):
                total += count
                buckets.append(("+Inf" if bound is None else str(bound / 1000), float(total)))
            family.add_metric(at, buckets, sum_value=self._duration_sum[at] / 1e6)
        return family


def _asked(name: str, read: Callable[[], float]) -> list[float]:
    """The value, or none: one that cannot be had must not cost the scrape."""
    try:
        return [float(read())]
    except Exception:
        log.exception("%s could not be read and is left out", name)
        return []


def _counter(
    name: str, text: str, labels: tuple[str, ...], values: Mapping[tuple[Any, ...], float]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=labels)
    for at, value in values.items():
        family.add_metric([str(label) for label in at], value)
    return family
