"""The exposition: what Prometheus can read, with bounded labels, and nobody's key."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from gateway.ledger.metrics import MODEL_LIMIT, Metrics
from tests.ledger.test_sqlite import row

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


def test_an_unknown_cost_adds_nothing() -> None:
    assert "gateway_cost_usd_total" not in samples(counted({"cost_pico": None}))


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


def test_model_names_are_bounded() -> None:
    found = samples(counted(*({"model": f"invented-{n}"} for n in range(MODEL_LIMIT + 100))))

    models = {labels["model"]: value for labels, value in found["gateway_requests_total"]}
    assert len(models) == MODEL_LIMIT + 1
    assert models["other"] == 100


def test_a_name_cannot_break_the_format() -> None:
    name = 'evil"} 1\n# HELP x\\'

    found = samples(counted({"model": name}))

    assert [labels["model"] for labels, _ in found["gateway_requests_total"]] == [name]


def test_no_key_is_shown() -> None:
    exposition = counted({}).exposition()

    assert b"public-id" not in exposition
    assert b"key_id" not in exposition
