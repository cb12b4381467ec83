"""Spans as days, hours and what is left; sums by them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.control.store import rollups
from gateway.control.store.base import FOREVER, HOUR_NS, Span, Sums
from gateway.control.store.names import Names
from gateway.control.store.schema import migrate

DAY_NS = 24 * HOUR_NS
LABELS = ("m", "p", "k", "chat", "hit", "ok")


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(":memory:", isolation_level=None)
    migrate(db)
    yield db
    db.close()


moments = st.integers(0, 4 * DAY_NS) | st.integers(0, 96).map(lambda hour: hour * HOUR_NS) | st.just(FOREVER)


@given(moments, moments, st.sampled_from([[24, 1], [1], []]))
def test_the_parts_of_a_span_make_it_up(start: int, end: int, levels: list[int]) -> None:
    parts = list(rollups._parts(Span(start, end), levels))

    units = [(part, (hours or 0) * HOUR_NS or 1) for hours, part in parts]
    pieces = sorted((part.start * unit, part.end * unit) for part, unit in units)
    assert all(before[1] == after[0] for before, after in pairwise(pieces))
    assert not pieces if start >= end else (pieces[0][0], pieces[-1][1]) == (start, end)
    assert all(part.end - part.start < HOUR_NS for hours, part in parts if hours is None and levels and end < FOREVER)
    assert len(parts) <= 1 + 2 * len(levels)


def test_a_long_span_is_read_by_the_day(db: sqlite3.Connection) -> None:
    rollups.add(db, {(hour, *LABELS): Sums(1, 10, 1, 1) for hour in range(24 * 30)}, Names())
    rows: list[str] = []
    db.set_trace_callback(rows.append)

    by_model, by_day = rollups.read(db, Span(0, 30 * DAY_NS), [("model",), ("day",)])

    assert by_model == {("m",): Sums(720, 7200, 720, 720)}
    assert by_day == {(day,): Sums(24, 240, 24, 24) for day in range(30)}
    assert len(rows) == 1
    assert "hours = 24" in rows[0]


def test_hours_can_be_told_apart(db: sqlite3.Connection) -> None:
    rollups.add(db, {(hour, *LABELS): Sums(1, hour) for hour in range(30)}, Names())

    assert rollups.read(db, Span(0, DAY_NS), [("hour",)]) == [{(hour,): Sums(1, hour) for hour in range(24)}]


def test_sums_carry_over_from_one_half_to_the_other(db: sqlite3.Connection) -> None:
    for _ in range(5):
        rollups.add(db, {(0, *LABELS): Sums(1, 2**64 - 1, 2**32 - 1)}, Names())

    assert rollups.read(db, Span(), [()]) == [{(): Sums(5, 5 * (2**64 - 1), 5 * (2**32 - 1))}]


def test_what_is_taken_back_is_gone(db: sqlite3.Connection) -> None:
    rollups.add(db, {(0, *LABELS): Sums(1, 2**40 + 5, 3)}, Names())
    rollups.add(db, {(0, *LABELS): Sums(-1, -(2**40) - 5, -3)}, Names())

    assert rollups.read(db, Span(), [(), ("model",)]) == [{}, {}]
