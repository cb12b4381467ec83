"""Sums in a SQLite store: kept by the hour and by the day, so a report reads a few rows, however many calls there were.

Amounts are in two parts, high * 2^32 + low, because their sums may pass 64 bits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.control.store.base import HOUR_NS, LABELS, PERIODS, Group, Span, Sums
from gateway.control.store.names import Names

_LOW = (1 << 32) - 1
_ADD = """
INSERT INTO rollups (
    hours, period, model, provider, key_id, endpoint, cache, outcome, calls, cost_high, cost_low, saved_high, saved_low,
    unpriced
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    calls = calls + excluded.calls,
    cost_high = cost_high + excluded.cost_high + ((cost_low + excluded.cost_low) >> 32),
    cost_low = (cost_low + excluded.cost_low) & 4294967295,
    saved_high = saved_high + excluded.saved_high + ((saved_low + excluded.saved_low) >> 32),
    saved_low = (saved_low + excluded.saved_low) & 4294967295,
    unpriced = unpriced + excluded.unpriced
"""
_OF_PERIODS = """
SELECT {names} sum(calls), sum(cost_high), sum(cost_low), sum(saved_high), sum(saved_low), sum(unpriced)
FROM rollups WHERE hours = {hours} AND period >= ? AND period < ? {group_by}
"""
_OF_CALLS = """
SELECT {names} count(*), sum(ifnull(cost_pico, 0) >> 32), sum(ifnull(cost_pico, 0) & 4294967295),
       sum(saved_pico >> 32), sum(saved_pico & 4294967295),
       sum(cost_pico IS NULL)
FROM calls WHERE started_ns >= ? AND started_ns < ? {group_by}
"""


def add(db: sqlite3.Connection, sums: Mapping[Group, Sums], names: Names) -> None:
    """Adds sums by hour and `LABELS`, in the transaction that is open."""
    for hours in PERIODS.values():
        by_period: dict[Group, Sums] = {}
        for (hour, model, provider, key_id, *labels), each in sums.items():
            period = (hours, hour // hours)
            model = names.bounded(db, period, key_id, model)
            by_period.setdefault((*period, model, provider, key_id, *labels), Sums()).add(each)
        db.executemany(_ADD, [(*group, *_split(each)) for group, each in by_period.items()])


def read(db: sqlite3.Connection, span: Span, groupings: Sequence[Sequence[str]]) -> list[dict[Group, Sums]]:
    """Sums over a span for each grouping: whole days and hours from the rollups, what is left at the edges from the calls."""
    names = sorted({name for grouping in groupings for name in grouping})
    levels = [hours for hours in (24, 1) if hours == 1 or "hour" not in names]
    found: list[dict[Group, Sums]] = [{} for _ in groupings]
    for hours, part in _parts(span, levels):
        for *values, calls, cost_high, cost_low, saved_high, saved_low, unpriced in _selected(db, names, hours, part):
            if calls:
                sums = Sums(calls, (cost_high << 32) + cost_low, (saved_high << 32) + saved_low, unpriced)
                for into, grouping in zip(found, groupings, strict=True):
                    into.setdefault(tuple(values[names.index(name)] for name in grouping), Sums()).add(sums)
    return found


def _parts(span: Span, levels: Sequence[int]) -> Iterator[tuple[int | None, Span]]:
    """A span as units of `levels` hours, the largest first; None for what is left to the calls."""
    if span.start >= span.end:
        return
    if not levels:
        yield None, span
        return
    hours, *finer = levels
    unit = hours * HOUR_NS
    first, last = -(-span.start // unit), span.end // unit
    if first >= last:
        yield from _parts(span, finer)
        return
    yield hours, Span(first, last)
    yield from _parts(Span(span.start, first * unit), finer)
    yield from _parts(Span(last * unit, span.end), finer)


def _selected(db: sqlite3.Connection, names: Sequence[str], hours: int | None, part: Span) -> list[tuple[Any, ...]]:
    group_by = f"GROUP BY {', '.join(str(at + 1) for at in range(len(names)))}" if names else ""
    columns = "".join(f"{_column(name, hours)}, " for name in names)
    statement = _OF_CALLS if hours is None else _OF_PERIODS
    return db.execute(statement.format(names=columns, hours=hours, group_by=group_by), part).fetchall()


def _column(name: str, hours: int | None) -> str:
    """How a dimension is said where a row stands for so many hours, or for a call."""
    if name in LABELS:
        return name
    return f"started_ns / {PERIODS[name] * HOUR_NS}" if hours is None else f"period / {PERIODS[name] // hours}"


def _split(sums: Sums) -> tuple[int, ...]:
    cost, saved = sums.cost_pico, sums.saved_pico
    return (sums.calls, cost >> 32, cost & _LOW, saved >> 32, saved & _LOW, sums.unpriced)
