"""The ledger's store in one SQLite file (WAL)."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from gateway.control.store.base import (
    HOUR_NS,
    Aggregates,
    Group,
    Position,
    Progress,
    Span,
    Sums,
    Values,
    rolled_up,
)
from gateway.control.store.schema import migrate
from gateway.errors import StoreUnavailable
from gateway.ledger.row import COLUMNS

PATIENCE_SECONDS = 5.0
"""How long opening waits for a file that somebody else has locked."""
BUSY_MS = 250
"""How long reading and writing do."""
AT_ONCE = 16
"""Rows of one statement: a statement gives up the interpreter's lock, and has to wait to get it back."""
_LOW = (1 << 32) - 1

_PLACES = f"({', '.join('?' * len(COLUMNS))})"
_INSERT = "INSERT INTO calls ({columns}) VALUES {places}"
_ONE = _INSERT.format(columns=", ".join(COLUMNS), places=_PLACES)
_MANY = _INSERT.format(columns=", ".join(COLUMNS), places=", ".join([_PLACES] * AT_ONCE))
_STANDING = "SELECT {columns} FROM calls WHERE started_ns = ? AND id = ?"
_REMOVE = "DELETE FROM calls WHERE started_ns = ? AND id = ?"
_KEY = (COLUMNS.index("started_ns"), COLUMNS.index("id"))
_OUTCOME = COLUMNS.index("outcome")

# Amounts are kept as high * 2^32 + low, because their sums may pass 64 bits.
_ADD_UP = """
INSERT INTO rollups (
    hour, model, provider, key_id, endpoint, cache, outcome, calls, cost_high, cost_low, saved_high, saved_low
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    calls = calls + excluded.calls,
    cost_high = cost_high + excluded.cost_high + ((cost_low + excluded.cost_low) >> 32),
    cost_low = (cost_low + excluded.cost_low) & 4294967295,
    saved_high = saved_high + excluded.saved_high + ((saved_low + excluded.saved_low) >> 32),
    saved_low = (saved_low + excluded.saved_low) & 4294967295
"""
_MOVE = """
INSERT INTO positions VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET segment = excluded.segment, offset = excluded.offset
"""
_FORGET = "DELETE FROM positions WHERE name = ?"

_BY_HOURS = """
SELECT {by} sum(calls), sum(cost_high), sum(cost_low), sum(saved_high), sum(saved_low)
FROM rollups WHERE hour >= ? AND hour < ? {group_by}
"""
_BY_CALLS = """
SELECT {by} count(*), sum(ifnull(cost_pico, 0) >> 32), sum(ifnull(cost_pico, 0) & 4294967295),
       sum(saved_pico >> 32), sum(saved_pico & 4294967295)
FROM calls WHERE started_ns >= ? AND started_ns < ? {group_by}
"""
_LIST = "SELECT {columns} FROM calls WHERE started_ns >= ? AND started_ns < ? ORDER BY started_ns DESC, id DESC LIMIT ?"
_LISTED = ", ".join("ifnull(request_id, id)" if name == "request_id" else name for name in COLUMNS)


class SqliteStore:
    """A `Store`: one connection writes, one reads. Raises sqlite3.Error where the file cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)  # SQLite gives its -wal and -shm the mode of the database
        self._writer = self._connect()
        migrate(self._writer)
        self._reader = self._connect()
        self._reader.execute("PRAGMA query_only = ON")
        for db in (self._writer, self._reader):
            db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        self._reading = threading.Lock()

    def positions(self) -> dict[str, Position]:
        with self._snapshot() as db:
            return _positions(db)

    def write(self, rows: Sequence[Values], progress: Progress | None) -> None:
        if progress is not None:
            try:
                return self._write(rows, progress, again=False)
            except sqlite3.IntegrityError:  # a row of this id stands already: the store was put back to an older state
                pass
        try:
            self._write(rows, progress, again=True)
        except sqlite3.IntegrityError as error:
            raise ValueError(str(error)) from error

    def aggregate(self, span: Span, groupings: Sequence[Sequence[str]]) -> Aggregates:
        with self._snapshot() as db:
            sums = [_summed(db, span, grouping) for grouping in groupings]
            return Aggregates(sums, _positions(db))

    def list(self, span: Span, limit: int) -> list[dict[str, Any]]:
        with self._snapshot() as db:
            rows = db.execute(_LIST.format(columns=_LISTED), (span.start, span.end, limit)).fetchall()
            return [dict(zip(COLUMNS, row, strict=True)) for row in rows]

    def close(self) -> None:
        self._reader.close()
        self._writer.close()

    def _write(self, rows: Sequence[Values], progress: Progress | None, *, again: bool) -> None:
        with self._transaction() as db:
            if again:
                sums = _add_unless_there(db, rows)
            else:
                _add(db, rows)
                sums = rolled_up(rows)
            db.executemany(_ADD_UP, [_split(group, each) for group, each in sums.items()])
            if progress is not None and progress.position is not None:
                db.execute(_MOVE, (progress.name, *progress.position))
            elif progress is not None:
                db.execute(_FORGET, (progress.name,))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; what SQLite says about the rows becomes a ValueError, and about itself `StoreUnavailable`."""
        db = self._writer
        try:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        except sqlite3.IntegrityError:
            raise
        except (OverflowError, TypeError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError) as error:
            raise ValueError(str(error)) from error
        except sqlite3.Error as error:
            raise StoreUnavailable(f"The ledger's store cannot be written: {error}.") from error

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """One state of the store to read from."""
        with self._reading:
            db = self._reader
            try:
                db.execute("BEGIN")
                try:
                    yield db
                finally:
                    if db.in_transaction:
                        db.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise StoreUnavailable(f"The ledger's store cannot be read: {error}.") from error

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=PATIENCE_SECONDS, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        return db


def _add(db: sqlite3.Connection, rows: Sequence[Values]) -> None:
    whole = len(rows) - len(rows) % AT_ONCE
    for start in range(0, whole, AT_ONCE):
        db.execute(_MANY, tuple(chain.from_iterable(rows[start : start + AT_ONCE])))
    db.executemany(_ONE, rows[whole:])


def _add_unless_there(db: sqlite3.Connection, rows: Sequence[Values]) -> dict[Group, Sums]:
    """Adds the rows whose id is not there, or there as interrupted; returns by how much the sums change."""
    change: dict[Group, Sums] = {}

    def count(row: Values, sign: int) -> None:
        for group, sums in rolled_up([row]).items():
            change.setdefault(group, Sums()).add(sums, sign)

    for row in rows:
        key = [row[at] for at in _KEY]
        standing = db.execute(_STANDING.format(columns=", ".join(COLUMNS)), key).fetchone()
        if standing is not None:
            if standing[_OUTCOME] != "interrupted" or row[_OUTCOME] == "interrupted":
                continue
            db.execute(_REMOVE, key)
            count(standing, -1)
        db.execute(_ONE, row)
        count(row, 1)
    return change


def _positions(db: sqlite3.Connection) -> dict[str, Position]:
    found = db.execute("SELECT name, segment, offset FROM positions").fetchall()
    return {name: Position(segment, offset) for name, segment, offset in found}


def _summed(db: sqlite3.Connection, span: Span, grouping: Sequence[str]) -> dict[Group, Sums]:
    """Whole hours come from the rollups, what is left at the edges from the calls."""
    first, last = -(-span.start // HOUR_NS), span.end // HOUR_NS
    if first < last:
        parts = [
            (_BY_HOURS, first, last),
            (_BY_CALLS, span.start, first * HOUR_NS),
            (_BY_CALLS, last * HOUR_NS, span.end),
        ]
    else:
        parts = [(_BY_CALLS, span.start, span.end)]
    sums: dict[Group, Sums] = {}
    for statement, start, end in parts:
        for *group, calls, cost_high, cost_low, saved_high, saved_low in _groups(db, statement, grouping, start, end):
            if calls:
                found = Sums(calls, (cost_high << 32) + cost_low, (saved_high << 32) + saved_low)
                sums.setdefault(tuple(group), Sums()).add(found)
    return sums


def _groups(
    db: sqlite3.Connection, statement: str, grouping: Sequence[str], start: int, end: int
) -> list[tuple[Any, ...]]:
    if start >= end:
        return []
    names = [f"started_ns / {HOUR_NS}" if name == "hour" and statement is _BY_CALLS else name for name in grouping]
    by = "".join(f"{name}, " for name in names)
    group_by = f"GROUP BY {', '.join(str(at + 1) for at in range(len(names)))}" if names else ""
    return db.execute(statement.format(by=by, group_by=group_by), (start, end)).fetchall()


def _split(group: Group, sums: Sums) -> tuple[Any, ...]:
    """A row of `rollups`: amounts as high * 2^32 + low."""
    cost, saved = sums.cost_pico, sums.saved_pico
    return (*group, sums.calls, cost >> 32, cost & _LOW, saved >> 32, saved & _LOW)
