"""The store in SQLite: rows once, sums exact, and a trouble that is never a wait."""

from __future__ import annotations

import itertools
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.control.store.base import (
    DIMENSIONS,
    FOREVER,
    HOUR_NS,
    Position,
    Progress,
    Span,
    Sums,
    regrouped,
    rolled_up,
)
from gateway.control.store.sqlite import SqliteStore
from gateway.errors import StoreUnavailable
from gateway.ledger.row import COLUMNS
from tests.control.made import row


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "ledger.db")
    yield store
    store.close()


def at(offset: int, name: str = "set") -> Progress:
    return Progress(name, Position(1, offset))


def kept(store: SqliteStore) -> list[tuple[Any, ...]]:
    return sorted((call["id"], call["outcome"], call["cost_pico"]) for call in store.list(Span(), 100))


def total(store: SqliteStore, span: Span = Span()) -> Sums:  # noqa: B008
    (sums,), _ = store.aggregate(span, [()])
    return sums.get((), Sums())


def test_rows_and_the_position_come_together(store: SqliteStore) -> None:
    store.write([row("a", cost_pico=5), row("b", cost_pico=6)], at(10))
    store.write([row("c", cost_pico=7)], at(20))

    assert kept(store) == [("a", "ok", 5), ("b", "ok", 6), ("c", "ok", 7)]
    assert store.positions() == {"set": Position(1, 20)}
    assert total(store) == Sums(3, 18, 0)


def test_a_position_can_be_forgotten(store: SqliteStore) -> None:
    store.write([], at(10, "one"))
    store.write([], at(10, "two"))
    store.write([], Progress("one", None))

    assert store.positions() == {"two": Position(1, 10)}


@pytest.mark.parametrize("bad", [("too", "short"), row("x", saved_pico=2**64), row("x", status=object())])
def test_a_bad_row_is_a_value_error_and_leaves_nothing_behind(store: SqliteStore, bad: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        store.write([row("a"), bad], at(10))

    assert (kept(store), store.positions(), total(store)) == ([], {}, Sums())


def test_a_row_written_again_is_one_row(store: SqliteStore) -> None:
    store.write([row("a", cost_pico=5), row("a", cost_pico=5)], None)
    store.write([row("a", cost_pico=5)], None)

    assert kept(store) == [("a", "ok", 5)]
    assert total(store) == Sums(1, 5, 0)


def test_a_batch_over_rows_that_are_there_is_no_obstacle(store: SqliteStore) -> None:
    """As after an older copy of the store was put back."""
    store.write([row("b", cost_pico=6)], None)

    store.write([row("a", cost_pico=5), row("b", cost_pico=6)], at(10))

    assert (kept(store), total(store)) == ([("a", "ok", 5), ("b", "ok", 6)], Sums(2, 11, 0))
    assert store.positions() == {"set": Position(1, 10)}


TRUE = row("a", cost_pico=5)
INTERRUPTED = row("a", outcome="interrupted", cost_pico=99)


@pytest.mark.parametrize("order", list(itertools.permutations([TRUE, INTERRUPTED, INTERRUPTED])))
@pytest.mark.parametrize("at_once", [True, False])
def test_the_true_row_wins_over_an_interrupted_one_in_any_order(
    store: SqliteStore, order: tuple[tuple[Any, ...], ...], at_once: bool
) -> None:
    for batch in [list(order)] if at_once else [[one] for one in order]:
        store.write(batch, None)

    assert (kept(store), total(store)) == ([("a", "ok", 5)], Sums(1, 5, 0))
    (by_outcome,), _ = store.aggregate(Span(), [("outcome",)])
    assert by_outcome == {("ok",): Sums(1, 5, 0)}


def test_the_first_true_row_stays(store: SqliteStore) -> None:
    store.write([row("a", cost_pico=5), row("a", cost_pico=7)], None)

    assert kept(store) == [("a", "ok", 5)]


def test_every_column_comes_back_as_it_went_in(store: SqliteStore) -> None:
    written = {
        name: value if isinstance(value, str) else n
        for n, (name, value) in enumerate(zip(COLUMNS, row("id"), strict=True))
    }

    store.write([tuple(written.values())], at(1))

    assert store.list(Span(), 1) == [written | {"request_id": ""}]


def test_an_unknown_cost_is_null_and_no_zero(store: SqliteStore) -> None:
    store.write([row("a", cost_pico=None, cost_source="unknown")], at(1))

    assert [(call["cost_pico"], call["cost_source"]) for call in store.list(Span(), 1)] == [(None, "unknown")]
    assert total(store) == Sums(1, 0, 0, unpriced=1)


def test_the_list_is_the_latest_calls_of_a_span(store: SqliteStore) -> None:
    store.write([row(f"{n}", started_ns=n) for n in range(50)], at(1))

    assert [call["id"] for call in store.list(Span(10, 20), 3)] == ["19", "18", "17"]


def test_sums_past_64_bits_are_exact(store: SqliteStore) -> None:
    most = 2**63 - 1
    rows = [row(f"{n}", cost_pico=most, saved_pico=most - n, model="ab"[n % 2]) for n in range(50)]

    store.write(rows[:25], at(1))
    store.write(rows[25:], at(2))

    assert total(store) == Sums(50, 50 * most, 50 * most - sum(range(50)))
    assert total(store, Span(0, HOUR_NS // 2)) == total(store)


moments = st.integers(0, 5 * HOUR_NS) | st.sampled_from([n * HOUR_NS for n in range(6)])
calls = st.builds(
    lambda started, model, cost, cache: {"started_ns": started, "model": model, "cost_pico": cost, "cache": cache},
    moments,
    st.sampled_from("ab"),
    st.none() | st.integers(0, 2**62),
    st.sampled_from(["hit", "miss"]),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some=st.lists(calls, max_size=12), start=moments, end=moments | st.just(FOREVER), again=st.booleans())
def test_sums_over_any_span_are_those_of_its_rows(
    tmp_path: Path, some: list[dict[str, Any]], start: int, end: int, again: bool
) -> None:
    rows = [row(f"{n}", **fields) for n, fields in enumerate(some)]
    path = tmp_path / "ledger.db"
    path.unlink(missing_ok=True)
    store = SqliteStore(path)
    store.write(rows[:5], at(1))
    store.write(rows[5:], None if again else at(2))
    groupings: list[tuple[str, ...]] = [(), ("model",), ("hour", "cache"), DIMENSIONS]

    found, positions = store.aggregate(Span(start, end), groupings)

    meant = rolled_up(each for each in rows if start <= each[1] < end)
    assert found == [regrouped(meant, grouping) for grouping in groupings]
    assert positions == store.positions()
    store.close()


def test_the_reader_cannot_write(store: SqliteStore) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store._reader.execute("DELETE FROM calls")


def test_a_store_opens_again_with_what_it_had(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "ledger.db")
    first.write([row("a", cost_pico=5)], at(10))
    first.close()

    second = SqliteStore(tmp_path / "ledger.db")

    assert (kept(second), second.positions()) == ([("a", "ok", 5)], {"set": Position(1, 10)})
    second.close()


def test_the_store_is_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        (tmp_path / "old.db").touch(mode=0o644)
        for name in ("new.db", "old.db"):
            store = SqliteStore(tmp_path / name)
            store.write([row("a")], at(1))
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob(f"{name}*")}
            store.close()
            assert modes == {name: 0o600, f"{name}-wal": 0o600, f"{name}-shm": 0o600}
    finally:
        os.umask(before)


def test_a_locked_store_is_a_trouble_of_a_moment_and_readers_do_not_wait(store: SqliteStore, tmp_path: Path) -> None:
    store.write([row("a", cost_pico=5)], at(1))
    locker = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    locker.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()

    with pytest.raises(StoreUnavailable, match="locked"):
        store.write([row("b")], at(2))
    waited = time.monotonic() - began
    assert total(store) == Sums(1, 5, 0)
    locker.execute("COMMIT")
    locker.close()
    store.write([row("b")], at(2))

    assert waited < 5
    assert total(store).calls == 2


def test_a_full_disk_is_a_trouble_and_half_a_batch_is_none(store: SqliteStore) -> None:
    pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
    store._writer.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StoreUnavailable, match="full"):
        store.write([row(f"{n}", error="x" * 200) for n in range(500)], at(1))
    assert (kept(store), store.positions(), total(store)) == ([], {}, Sums())
    store._writer.execute("PRAGMA max_page_count = 1000000")
    store.write([row("a")], at(1))

    assert total(store).calls == 1


def test_what_is_no_database_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"This is not a database." * 100)

    with pytest.raises(sqlite3.DatabaseError):
        SqliteStore(tmp_path / "ledger.db")
