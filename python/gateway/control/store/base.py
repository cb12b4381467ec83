"""What a store of the ledger's rows can do, and the values that it takes and gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from gateway.ledger.row import COLUMNS

HOUR_NS = 3_600 * 10**9
FOREVER = 2**63 - 1
LABELS = ("model", "provider", "key_id", "endpoint", "cache", "outcome")
PERIODS = {"hour": 1, "day": 24}
"""Units of time, in hours. As a value, a unit is its number since the epoch."""
DIMENSIONS = (*PERIODS, *LABELS)
"""What sums can be split by."""
OTHER = "other"
"""Stands for all names beyond a bound."""

Values = Sequence[Any]
"""One row: the values of `COLUMNS`, in their order."""
Group = tuple[Any, ...]


class Span(NamedTuple):
    """Nanoseconds since the epoch; the start is included, the end is not."""

    start: int = 0
    end: int = FOREVER


class Position(NamedTuple):
    """How far a journal set has been taken in: the bytes before `offset` of segment `segment`, and all segments before."""

    segment: int
    offset: int


FINISHED = Position(2**62, 0)
"""The position in a set whose worker is gone and of which everything is stored."""


class Progress(NamedTuple):
    """The position in the set `name` after a batch; None forgets the set."""

    name: str
    position: Position | None


@dataclass(slots=True)
class Sums:
    """Calls and picodollars, exact whatever their size."""

    calls: int = 0
    cost_pico: int = 0
    saved_pico: int = 0
    unpriced: int = 0
    """Calls whose cost nobody knows; `cost_pico` is that of the others."""

    def add(self, other: Sums, sign: int = 1) -> None:
        self.calls += sign * other.calls
        self.cost_pico += sign * other.cost_pico
        self.saved_pico += sign * other.saved_pico
        self.unpriced += sign * other.unpriced


class Aggregates(NamedTuple):
    """Sums by group, for each way of grouping that was asked for, and the positions they stand for."""

    sums: list[dict[Group, Sums]]
    positions: Mapping[str, Position]


class Store(Protocol):
    """Rows in, sums and rows out. `write` is called by one thread, the others by any.

    All raise `StoreUnavailable` when the store cannot be used at the moment, after 300 ms at most.
    """

    def positions(self) -> dict[str, Position]:
        """How far each journal set has been taken in."""

    def write(self, rows: Sequence[Values], progress: Progress | None) -> None:
        """Adds rows and moves the position, both or neither. Raises ValueError for rows that no retry would make fit.

        Without `progress` the rows may have been written before: a row whose id is there already is left out, except that
        the true row takes the place of an interrupted one.
        """

    def aggregate(self, span: Span, groupings: Sequence[Sequence[str]]) -> Aggregates:
        """Sums over the calls that started in `span`, for each grouping by some of `DIMENSIONS`, all of one moment."""

    def list(self, span: Span, limit: int) -> list[dict[str, Any]]:
        """The last `limit` calls that started in `span`, the latest first."""

    def close(self) -> None: ...


_AT = {name: at for at, name in enumerate(COLUMNS)}
_STARTED, _COST, _SAVED = _AT["started_ns"], _AT["cost_pico"], _AT["saved_pico"]
_LABELS = itemgetter(*(_AT[name] for name in LABELS))


def rolled_up(rows: Iterable[Values]) -> dict[Group, Sums]:
    """The sums of rows by hour and `LABELS`."""
    sums: dict[Group, Sums] = {}
    for row in rows:
        group = (row[_STARTED] // HOUR_NS, *_LABELS(row))
        at = sums.get(group)
        if at is None:
            at = sums[group] = Sums()
        at.calls += 1
        at.saved_pico += row[_SAVED]
        if (cost := row[_COST]) is None:
            at.unpriced += 1
        else:
            at.cost_pico += cost
    return sums


def regrouped(sums: Mapping[Group, Sums], grouping: Sequence[str]) -> dict[Group, Sums]:
    """Sums by hour and `LABELS`, added up by some of `DIMENSIONS`."""
    picks = [(0, PERIODS[name]) if name in PERIODS else (1 + LABELS.index(name), None) for name in grouping]
    coarse: dict[Group, Sums] = {}
    for group, each in sums.items():
        key = tuple(group[at] if unit is None else group[at] // unit for at, unit in picks)
        coarse.setdefault(key, Sums()).add(each)
    return coarse
