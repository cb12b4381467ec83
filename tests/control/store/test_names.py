"""Invented models do not make the sums grow without bound, and cost nobody else a name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.control.store.base import HOUR_NS, OTHER, Position, Progress, Span, Sums
from gateway.control.store.names import MOST_NAMES
from gateway.control.store.sqlite import SqliteStore
from tests.control.made import row

LATER = 30 * HOUR_NS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "ledger.db")
    yield store
    store.close()


def calls(key: str, count: int, **fields: Any) -> list[tuple[Any, ...]]:
    return [row(f"{key}-{n}-{fields}", key_id=key, model=f"invented-{n}", cost_pico=1, **fields) for n in range(count)]


def by(store: SqliteStore, *dimensions: str) -> dict[tuple[Any, ...], Sums]:
    (found,), _ = store.aggregate(Span(), [dimensions])
    return found


def test_names_beyond_the_bound_are_one(store: SqliteStore) -> None:
    store.write(calls("k", MOST_NAMES + 100), Progress("set", Position(1, 1)))

    models = by(store, "model")
    assert len(models) == MOST_NAMES + 1
    assert models[OTHER,] == Sums(100, 100)
    assert by(store)[()] == Sums(MOST_NAMES + 100, MOST_NAMES + 100)


def test_a_key_takes_no_other_key_s_names_and_no_other_day_s(store: SqliteStore) -> None:
    store.write(calls("hostile", MOST_NAMES + 100), None)
    store.write([row("good", key_id="good", model="gpt-4o"), row("late", key_id="hostile", model="gpt-4o")], None)
    store.write([row("next", key_id="hostile", model="gpt-4o", started_ns=LATER)], None)

    models = by(store, "key_id", "model")
    assert models["good", "gpt-4o"] == Sums(1)
    assert models["hostile", "gpt-4o"] == Sums(1), "a new day"
    assert models["hostile", OTHER].calls == 101


def test_a_name_has_its_place_after_a_restart_and_after_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    for _ in range(2):
        store = SqliteStore(path)
        with pytest.raises(ValueError, match=r"."):
            store.write([*calls("k", MOST_NAMES), row("bad", status=object())], None)
        store.close()
    store = SqliteStore(path)
    store.write(calls("k", MOST_NAMES), None)
    store.close()

    store = SqliteStore(path)
    store.write([*calls("k", MOST_NAMES, endpoint="embeddings"), row("x", key_id="k", model="one-more")], None)

    models = by(store, "model")
    assert (models["invented-7",], models[OTHER,], len(models)) == (Sums(2, 2), Sums(1), MOST_NAMES + 1)
    store.close()


def test_an_interrupted_call_beyond_the_bound_is_taken_back(store: SqliteStore) -> None:
    store.write(calls("k", MOST_NAMES), None)
    store.write([row("a", key_id="k", model="beyond", outcome="interrupted", cost_pico=99)], None)

    store.write([row("a", key_id="k", model="beyond", cost_pico=5)], None)

    assert by(store, "model", "outcome").get((OTHER, "interrupted")) is None
    assert by(store, "model", "outcome")[OTHER, "ok"] == Sums(1, 5)
