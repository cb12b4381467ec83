"""The ledger's store: a row counts once, however often and in whatever order it is written."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.ledger.entry import COLUMNS
from gateway.ledger.ledger import Row
from gateway.ledger.sqlite import SqliteStore

EMPTY: dict[str, Any] = dict.fromkeys(COLUMNS, 0) | {"outcome": "ok", "model": "m", "cost_source": "catalogue"}


def row(id: str, **fields: Any) -> Row:
    assert fields.keys() <= set(COLUMNS)
    return tuple({**EMPTY, "id": id, **fields}.values())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "ledger.db")
    yield store
    store.close()


def kept(store: SqliteStore) -> list[Row]:
    return store.query("SELECT id, outcome, cost_pico FROM calls ORDER BY id")


def test_a_row_written_twice_is_one_row(store: SqliteStore) -> None:
    store.write([row("a", cost_pico=5), row("a", cost_pico=5)])
    store.write([row("a", cost_pico=5)])

    assert kept(store) == [("a", "ok", 5)]


TRUE = row("a", cost_pico=5)
INTERRUPTED = row("a", outcome="interrupted", cost_pico=99)


@pytest.mark.parametrize("order", list(itertools.permutations([TRUE, INTERRUPTED, INTERRUPTED])))
@pytest.mark.parametrize("at_once", [True, False])
def test_the_true_row_wins_over_an_interrupted_one_in_any_order(
    store: SqliteStore, order: tuple[Row, ...], at_once: bool
) -> None:
    for batch in [list(order)] if at_once else [[one] for one in order]:
        store.write(batch)

    assert kept(store) == [("a", "ok", 5)]


def test_the_first_true_row_stays(store: SqliteStore) -> None:
    store.write([row("a", cost_pico=5), row("a", cost_pico=7)])

    assert kept(store) == [("a", "ok", 5)]


def test_every_column_comes_back_as_it_went_in(store: SqliteStore) -> None:
    values = tuple(
        f"text {n}" if name in {"id", "endpoint", "key_id", "model", "provider", "target"} else n
        for n, name in enumerate(COLUMNS)
    )

    store.write([values])

    assert store.query(f"SELECT {', '.join(COLUMNS)} FROM calls")[0][:7] == values[:7]


def test_an_unknown_cost_is_null_and_no_zero(store: SqliteStore) -> None:
    store.write([row("a", cost_pico=None, cost_source="unknown")])

    assert store.query("SELECT cost_pico IS NULL, cost_source FROM calls") == [(1, "unknown")]


def test_a_batch_with_a_bad_row_leaves_nothing_behind(store: SqliteStore) -> None:
    with pytest.raises(sqlite3.Error):
        store.write([row("a"), ("too", "short")])

    assert kept(store) == []


def test_the_reader_cannot_write(store: SqliteStore) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store.query("DELETE FROM calls")


def test_a_store_opens_again_with_what_it_had(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "ledger.db")
    first.write([row("a", cost_pico=5)])
    first.close()

    second = SqliteStore(tmp_path / "ledger.db")

    assert kept(second) == [("a", "ok", 5)]
    second.close()
