"""Prometheus metrics, summed from the rows of ended calls. Labels are bounded; never a key or a user."""

from __future__ import annotations

import logging
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import add, itemgetter
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from gateway.chat.money import to_usd
from gateway.control.store.base import OTHER
from gateway.ledger.row import COLUMNS

log = logging.getLogger(__name__)

_BUCKETS_MS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000)
_BUCKETS_US = tuple(bound * 1_000 for bound in _BUCKETS_MS)
LIMITS = {"model": 500, "provider": 100, "endpoint": 50, "cache": 20, "outcome": 20, "status": 100, "saved_by": 20}
"""How many values of a label are told apart; later ones count as `other`."""
_CALL_LABELS = ("endpoint", "provider", "model", "cache", "outcome", "status")
_SERVED_LABELS = ("endpoint", "cache")
_PAID_LABELS = ("provider", "model")
_TOKENS = ("input", "output", "cached", "reasoning")


def _columns(*names: str) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    return itemgetter(*map(COLUMNS.index, names))


_LABEL, _STATUS = _CALL_LABELS.index("model"), _CALL_LABELS.index("status")
_CALL, _SERVED, _PAID = _columns(*_CALL_LABELS), _columns(*_SERVED_LABELS), _columns(*_PAID_LABELS)
_SPENT = _columns(*(f"{kind}_tokens" for kind in _TOKENS), "cost_pico")
_ATTEMPTS, _SAVED, _SAVED_BY, _DURATION = map(COLUMNS.index, ("attempts", "saved_pico", "saved_by", "duration_us"))

Gauge = tuple[str, Callable[[], float]]
"""What it says, and how to ask for its value."""


class Labels:
    """The values of labels that were seen, each label's up to its limit."""

    def __init__(self) -> None:
        self._seen: dict[str, set[Any]] = {name: set() for name in LIMITS}

    def bounded(self, names: Sequence[str], values: Sequence[Any]) -> tuple[Any, ...]:
        """The values, with `OTHER` in place of what is beyond the limit of its label."""
        return tuple(map(self._one, names, values))

    def _one(self, name: str, value: Any) -> Any:
        seen = self._seen[name]
        if value not in seen:
            if len(seen) >= LIMITS[name]:
                return OTHER
            seen.add(value)
        return value


@dataclass(slots=True)
class Spent:
    """Tokens, by kind, known cost, and calls whose cost nobody knows."""

    tokens: list[int]
    cost_pico: int = 0
    unpriced: int = 0


@dataclass(slots=True)
class Taken:
    """How many calls took how long."""

    counts: list[int]
    total_us: int = 0


class Metrics(Collector):
    """Counts rows as they are read from the journals; gauges and further counters are asked at the scrape."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[Any, ...]] = Counter()
        self._spent: dict[tuple[str, ...], Spent] = {}
        self._saved: Counter[str] = Counter()
        self._taken: dict[tuple[str, ...], Taken] = {}
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
                if labels[_STATUS] == 404:  # a name that somebody made up is no model
                    labels = (*labels[:_LABEL], "", *labels[_LABEL + 1 :])
                self._requests[self._labels.bounded(_CALL_LABELS, labels)] += calls
            for row in rows:
                taken = self._taken.get(at := _SERVED(row)) or self._taken_at(at)
                taken.counts[bisect_left(_BUCKETS_US, row[_DURATION])] += 1
                taken.total_us += row[_DURATION]
                if cause := row[_SAVED_BY]:
                    if cause not in self._saved:
                        (cause,) = self._labels.bounded(("saved_by",), (cause,))
                    self._saved[cause] += row[_SAVED]
                if row[_ATTEMPTS]:
                    spent = self._spent.get(at := _PAID(row)) or self._spent_at(at)
                    *tokens, cost = _SPENT(row)
                    spent.tokens[:] = map(add, spent.tokens, tokens)
                    spent.cost_pico += cost or 0
                    spent.unpriced += cost is None

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        with self._counting:
            return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        text = "Calls by endpoint, provider, model, cache, outcome and status."
        yield _counter("gateway_requests", text, _CALL_LABELS, self._requests)
        tokens = {
            (*at, kind): n
            for at, each in self._spent.items()
            for kind, n in zip(_TOKENS, each.tokens, strict=True)
            if n
        }
        yield _counter("gateway_tokens", "Tokens by provider, model and kind.", (*_PAID_LABELS, "kind"), tokens)
        cost = {at: to_usd(each.cost_pico) for at, each in self._spent.items() if each.cost_pico}
        yield _counter("gateway_cost_usd", "Known cost in USD.", _PAID_LABELS, cost)
        unpriced = {at: each.unpriced for at, each in self._spent.items() if each.unpriced}
        yield _counter("gateway_unpriced_requests", "Calls whose cost nobody knows.", _PAID_LABELS, unpriced)
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

    def _taken_at(self, at: tuple[str, ...]) -> Taken:
        at = self._labels.bounded(_SERVED_LABELS, at)
        return self._taken.setdefault(at, Taken([0] * (len(_BUCKETS_US) + 1)))

    def _spent_at(self, at: tuple[str, ...]) -> Spent:
        return self._spent.setdefault(self._labels.bounded(_PAID_LABELS, at), Spent([0] * len(_TOKENS)))

    def _durations(self) -> HistogramMetricFamily:
        text = "Time from request to the end of the answer."
        family = HistogramMetricFamily("gateway_duration_seconds", text, labels=_SERVED_LABELS)
        for at, taken in self._taken.items():
            buckets, total = [], 0
            for bound, count in zip((*_BUCKETS_MS, None), taken.counts, strict=True):
                total += count
                buckets.append(("+Inf" if bound is None else str(bound / 1000), float(total)))
            family.add_metric(at, buckets, sum_value=taken.total_us / 1e6)
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
