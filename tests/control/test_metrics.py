"""The exposition: what Prometheus can read, with bounded labels, and nobody's key."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.control.metrics import LIMITS, Metrics
from gateway.control.store.base import OTHER
from tests.control.made import row

CALL: dict[str, Any] = {
    "endpoint": "chat",
    "provider": "openai",
    "key_id": "public-id-of-a-key",
    "cache": "miss",
    "status": 200,
    "attempts": 1,
    "input_tokens": 10,
    "output_tokens": 5,
    "cost_pico": 10**12,
    "saved_by": "",
    "duration_us": 30_000,
}


def samples(metrics: Metrics) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def counted(*rows: dict[str, Any]) -> Metrics:
    metrics = Metrics()
    metrics.count([row(str(number), **{**CALL, **fields}) for number, fields in enumerate(rows)])
    return metrics


def test_calls_tokens_and_money_are_summed() -> None:
    hit = {"cache": "hit", "attempts": 0, "cost_pico": 0, "saved_pico": 10**12, "saved_by": "exact"}
    found = samples(counted({}, {}, hit))

    labels = {"endpoint": "chat", "provider": "openai", "model": "m", "outcome": "ok", "status": "200"}
    assert found["gateway_requests_total"] == [({**labels, "cache": "miss"}, 2), ({**labels, "cache": "hit"}, 1)]
    assert ({"provider": "openai", "model": "m", "kind": "input"}, 20) in found["gateway_tokens_total"]
    assert found["gateway_cost_usd_total"] == [({"provider": "openai", "model": "m"}, 2.0)]
    assert found["gateway_saved_usd_total"] == [({"cause": "exact"}, 1.0)]


def test_calls_of_unknown_cost_are_counted_beside_the_known_cost() -> None:
    found = samples(counted({"cost_pico": None}, {"cost_pico": None}, {}, {"attempts": 0, "cost_pico": 0}))

    labels = {"provider": "openai", "model": "m"}
    assert found["gateway_unpriced_requests_total"] == [(labels, 2.0)]
    assert found["gateway_cost_usd_total"] == [(labels, 1.0)]


def test_a_metric_of_money_that_nobody_spent_is_not_there() -> None:
    assert "gateway_cost_usd_total" not in samples(counted({"cost_pico": None}))
    assert "gateway_unpriced_requests_total" not in samples(counted({}))


def test_durations_are_cumulative_seconds() -> None:
    found = samples(counted({"duration_us": 1_000}, {"duration_us": 30_000}, {"duration_us": 10**9}))

    buckets = {labels["le"]: value for labels, value in found["gateway_duration_seconds_bucket"]}
    assert (buckets["0.001"], buckets["0.025"], buckets["0.05"], buckets["300.0"], buckets["+Inf"]) == (1, 1, 2, 2, 3)
    assert found["gateway_duration_seconds_count"][0][1] == 3
    assert found["gateway_duration_seconds_sum"][0][1] == 1000.031


def test_gauges_are_read_at_the_scrape() -> None:
    metrics, value = Metrics(), [1.0]
    metrics.gauges["gateway_something"] = ("Something.", lambda: value[0])

    before = samples(metrics)["gateway_something"]
    value[0] = 2.0

    assert (before, samples(metrics)["gateway_something"]) == ([({}, 1.0)], [({}, 2.0)])


@pytest.mark.parametrize("label", ["model", "provider", "endpoint", "cache", "outcome", "status"])
def test_labels_are_bounded(label: str) -> None:
    most = LIMITS[label]
    found = samples(counted(*({label: 1000 + n if label == "status" else f"invented-{n}"} for n in range(most + 100))))

    values = {labels[label]: value for labels, value in found["gateway_requests_total"]}
    assert len(values) == most + 1
    assert values[OTHER] == 100
    for name, series in found.items():
        assert len({labels[label] for labels, _ in series if label in labels}) <= most + 1, name


def test_what_is_beyond_a_limit_is_summed_as_other() -> None:
    found = samples(counted(*({"model": f"invented-{n}", "cost_pico": 10**12} for n in range(LIMITS["model"] + 3))))

    assert ({"provider": "openai", "model": OTHER}, 3.0) in found["gateway_cost_usd_total"]
    assert ({"provider": "openai", "model": OTHER, "kind": "input"}, 30.0) in found["gateway_tokens_total"]


def test_a_gauge_that_fails_does_not_cost_the_scrape(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    metrics.gauges["gateway_broken"] = ("Broken.", lambda: 1 / 0)
    metrics.gauges["gateway_sound"] = ("Sound.", lambda: 1.0)

    found = samples(metrics)

    assert "gateway_broken" not in found
    assert found["gateway_sound"] == [({}, 1.0)]
    assert "gateway_broken" in caplog.text


def test_further_counters_are_read_at_the_scrape() -> None:
    metrics = Metrics()
    metrics.counters["gateway_unauthenticated"] = ("Requests refused for want of a valid key.", lambda: 3)

    assert samples(metrics)["gateway_unauthenticated_total"] == [({}, 3.0)]


def test_a_name_cannot_break_the_format() -> None:
    name = 'evil"} 1\n# HELP x\\'

    found = samples(counted({"model": name}))

    assert [labels["model"] for labels, _ in found["gateway_requests_total"]] == [name]


def test_no_key_is_shown() -> None:
    exposition = counted({}).exposition()

    assert b"public-id" not in exposition
    assert b"key_id" not in exposition
