"""What the ledger says in sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.control.analytics import GROUPS, costs
from gateway.control.store.base import Group, Span, Sums
from gateway.control.store.sqlite import SqliteStore
from gateway.errors import InvalidRequest
from tests.control.made import row

USD = 10**12


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


class Ledger:
    """What a store sums up, without the positions it stands for."""

    def __init__(self, path: Path) -> None:
        self.store = SqliteStore(path)

    def aggregate(self, span: Span, groupings: Sequence[Sequence[str]]) -> list[dict[Group, Sums]]:
        return self.store.aggregate(span, groupings).sums


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "ledger.db")
    yield ledger
    ledger.store.close()


@pytest.fixture
def store(empty: Ledger) -> Ledger:
    first, second = at("2026-11-01T10:00:00"), at("2026-11-02T11:30:00")
    empty.store.write(
        [
            row("1", model="a", cache="miss", cost_pico=2 * USD, started_ns=first, key_id="k1", provider="p"),
            row("2", model="a", cache="hit", saved_pico=2 * USD, started_ns=first, key_id="k1", provider="p"),
            row("3", model="b", cache="miss", cost_pico=USD // 2, started_ns=second, key_id="k2", provider="p"),
            row("4", model="b", cache="coalesced", saved_pico=USD // 2, started_ns=second, key_id="k2", provider="p"),
            row("5", model="c", cache="bypass", cost_pico=None, cost_source="unknown", started_ns=second, key_id="k2"),
            row("6", model="", outcome="refused", status=401, cache="", started_ns=second),
        ],
        None,
    )
    return empty


def test_the_answer_has_exactly_this_shape(store: Ledger) -> None:
    assert costs(store, None, None, None) == {
        "total_cost": 2.5,
        "total_requests": 6,
        "unpriced_requests": 1,
        "cache_hits": 2,
        "cache_misses": 2,
        "estimated_saved": 2.5,
        "by_model": [
            {"model": "a", "requests": 2, "cost": 2.0, "unpriced_requests": 0},
            {"model": "b", "requests": 2, "cost": 0.5, "unpriced_requests": 0},
            {"model": "", "requests": 1, "cost": 0.0, "unpriced_requests": 0},
            {"model": "c", "requests": 1, "cost": None, "unpriced_requests": 1},
        ],
    }


def test_an_empty_ledger_is_zeros(empty: Ledger) -> None:
    assert costs(empty, None, None, None) == {
        "total_cost": 0.0,
        "total_requests": 0,
        "unpriced_requests": 0,
        "cache_hits": 0,
        "cache_misses": 0,
        "estimated_saved": 0.0,
        "by_model": [],
    }


def test_sums_past_64_bits_are_exact(empty: Ledger) -> None:
    """Past $9.22 M."""
    nearly = 9_000_000 * USD
    empty.store.write([row(f"{n}", cost_pico=nearly, saved_pico=nearly) for n in range(4)], None)

    report = costs(empty, None, None, "day")

    assert (report["total_cost"], report["estimated_saved"]) == (36_000_000.0, 36_000_000.0)
    assert report["by_day"] == [{"day": "1970-01-01", "requests": 4, "cost": 36_000_000.0, "unpriced_requests": 0}]


@pytest.mark.parametrize(
    ("start", "end", "requests"),
    [
        ("2026-11-02", None, 4),
        (None, "2026-11-02", 2),
        ("2026-11-01", "2026-11-02", 2),
        ("2026-11-01T10:00:00", "2026-11-01T10:00:01", 2),
        ("2026-11-01T10:00:01", None, 4),
        (None, "2026-11-01T10:00:00", 0),
        ("2026-11-01T12:00:00+02:00", "2026-11-01T12:00:01+02:00", 2),
        ("2026-11-01T10:00:00Z", "2026-11-01T10:00:01Z", 2),
        (str(at("2026-11-02T11:30:00") // 10**9), None, 4),
        ("", "", 6),
        ("99999999999999", None, 0),
        ("0001-01-02", "9999-12-31", 6),
    ],
)
def test_from_is_included_and_to_is_not(store: Ledger, start: str | None, end: str | None, requests: int) -> None:
    report = costs(store, start, end, None)

    assert report["total_requests"] == requests == sum(model["requests"] for model in report["by_model"])


EXPECTED_GROUPS: dict[str, list[tuple[str, int]]] = {
    "key": [("k1", 2), ("k2", 3), ("", 1)],
    "day": [("2026-11-01", 2), ("2026-11-02", 4)],
    "hour": [("2026-11-01T10:00Z", 2), ("2026-11-02T11:00Z", 4)],
    "outcome": [("ok", 5), ("refused", 1)],
    "cache": [("miss", 2), ("hit", 1), ("coalesced", 1), ("bypass", 1), ("", 1)],
}


@pytest.mark.parametrize("group", EXPECTED_GROUPS)
def test_a_group_is_one_more_list_of_the_same_form(store: Ledger, group: str) -> None:
    report = costs(store, None, None, group)

    assert {str(entry[group]): entry["requests"] for entry in report[f"by_{group}"]} == dict(EXPECTED_GROUPS[group])
    assert all(set(entry) == {group, "requests", "cost", "unpriced_requests"} for entry in report[f"by_{group}"])
    assert report["by_model"] == costs(store, None, None, None)["by_model"]


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_sums_up_to_the_whole(store: Ledger, group: str) -> None:
    report = costs(store, None, None, group)

    assert sum(entry["requests"] for entry in report[f"by_{group}"]) == 6
    assert sum(entry["cost"] or 0 for entry in report[f"by_{group}"]) == 2.5
    assert sum(entry["unpriced_requests"] for entry in report[f"by_{group}"]) == 1


@pytest.mark.parametrize("span", ["2026-11-02", "2026-11-02T11:15:00"])
def test_an_unknown_cost_is_not_zero_by_the_day_and_by_the_minute(empty: Ledger, span: str) -> None:
    started = at("2026-11-02T11:30:00")
    unpriced = {"cost_pico": None, "cost_source": "unknown", "started_ns": started}
    empty.store.write([row("1", model="own", **unpriced), row("2", model="both", **unpriced)], None)
    empty.store.write([row("3", model="both", cost_pico=USD, started_ns=started)], None)

    report = costs(empty, span, None, None)

    assert (report["total_cost"], report["unpriced_requests"]) == (1.0, 2)
    assert report["by_model"] == [
        {"model": "both", "requests": 2, "cost": 1.0, "unpriced_requests": 1},
        {"model": "own", "requests": 1, "cost": None, "unpriced_requests": 1},
    ]


def test_a_total_of_nothing_but_unknown_costs_is_unknown(empty: Ledger) -> None:
    empty.store.write([row("1", cost_pico=None, cost_source="unknown")], None)

    assert costs(empty, None, None, None)["total_cost"] is None


BAD: list[tuple[dict[str, Any], str]] = [
    ({"start": "yesterday"}, "from"),
    ({"end": "2026-13-01"}, "to"),
    ({"start": "-5"}, "from"),
    ({"start": "1e9"}, "from"),
    ({"end": "²"}, "to"),
    ({"group_by": "secret"}, "group_by"),
    ({"group_by": ""}, "group_by"),
    ({"group_by": "model; DROP TABLE calls"}, "group_by"),
]


@pytest.mark.parametrize(("parameters", "field"), BAD)
def test_a_bad_value_is_a_400_with_the_fields_name(store: Ledger, parameters: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        costs(store, parameters.get("start"), parameters.get("end"), parameters.get("group_by"))

    assert (refused.value.status, refused.value.param) == (400, field)
    assert field in refused.value.message
