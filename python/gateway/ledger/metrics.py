"""Prometheus metrics, summed from closed rows off the hot path. Labels are bounded; never a key or a user."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from gateway.chat.money import to_usd
from gateway.ledger.entry import COLUMNS
from gateway.ledger.ledger import Row

BUCKETS_MS = (
    1,
    2,
    5,
    10,
    25,
    50,
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    30_000,
    60_000,
    120_000,
    300_000,
)
MODEL_LIMIT = 500
_AT = {name: index for index, name in enumerate(COLUMNS)}
_CALL = itemgetter(*(_AT[name] for name in ("endpoint", "provider", "model", "cache", "outcome", "status")))
_SERVED = itemgetter(_AT["endpoint"], _AT["cache"])
_PROVIDER, _MODEL, _ATTEMPTS, _COST = (_AT[name] for name in ("provider", "model", "attempts", "cost_pico"))
_SAVED, _SAVED_BY, _DURATION = (_AT[name] for name in ("saved_pico", "saved_by", "duration_us"))
_TOKENS = tuple((kind, _AT[f"{kind}_tokens"]) for kind in ("input", "output", "cached", "reasoning"))


class Metrics(Collector):
    """Counts rows as the ledger writes them; gauges are asked for their value at the scrape."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[Any, ...]] = Counter()
        self._tokens: Counter[tuple[str, ...]] = Counter()
        self._cost: Counter[tuple[str, ...]] = Counter()
        self._saved: Counter[str] = Counter()
        self._duration: dict[tuple[str, ...], list[int]] = {}
        self._duration_sum: Counter[tuple[str, ...]] = Counter()
        self._models: set[str] = set()
        self.unauthenticated: Callable[[], int] = int
        self.gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def count(self, rows: Sequence[Row]) -> None:
        """Adds ledger rows. Past `MODEL_LIMIT` distinct names a model counts as `other`."""
        for (endpoint, provider, model, *rest), calls in Counter(map(_CALL, rows)).items():
            self._requests[endpoint, provider, self._bounded(model), *rest] += calls
        for row in rows:
            if row[_SAVED_BY]:
                self._saved[row[_SAVED_BY]] += row[_SAVED]
            if row[_ATTEMPTS]:
                self._spend(row)
            at, duration = _SERVED(row), row[_DURATION]
            counts = self._duration.get(at)
            if counts is None:
                counts = self._duration[at] = [0] * (len(BUCKETS_MS) + 1)
            counts[bisect_left(BUCKETS_MS, duration / 1000)] += 1
            self._duration_sum[at] += duration

    def _spend(self, row: Row) -> None:
        provider, model = row[_PROVIDER], self._bounded(row[_MODEL])
        for kind, at in _TOKENS:
            if row[at]:
                self._tokens[provider, model, kind] += row[at]
        if row[_COST]:
            self._cost[provider, model] += row[_COST]

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        labels = ("endpoint", "provider", "model", "cache", "outcome", "status")
        yield _counter(
            "gateway_requests",
            "Calls by endpoint, provider, model, cache, outcome and status.",
            labels,
            self._requests,
        )
        kinds = ("provider", "model", "kind")
        yield _counter("gateway_tokens", "Tokens by provider, model and kind.", kinds, self._tokens)
        spent: dict[tuple[str, ...], float] = {at: to_usd(pico) for at, pico in self._cost.items()}
        yield _counter("gateway_cost_usd", "Known cost in USD.", ("provider", "model"), spent)
        saved: dict[tuple[str, ...], float] = {(cause,): to_usd(pico) for cause, pico in self._saved.items()}
        yield _counter(
            "gateway_saved_usd",
            "What calls would have cost, less what was paid, by cause.",
            ("cause",),
            saved,
        )
        refused: dict[tuple[str, ...], float] = {(): self.unauthenticated()}
        yield _counter("gateway_unauthenticated", "Requests refused for want of a valid key.", (), refused)
        yield self._durations()
        for name, (text, read) in self.gauges.items():
            yield GaugeMetricFamily(name, text, value=read())

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

    def _bounded(self, model: str) -> str:
        if model not in self._models:
            if len(self._models) >= MODEL_LIMIT:
                return "other"
            self._models.add(model)
        return model


def _counter(
    name: str,
    text: str,
    labels: tuple[str, ...],
    values: Mapping[tuple[Any, ...], float],
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=labels)
    for at, value in values.items():
        family.add_metric([str(label) for label in at], value)
    return family
