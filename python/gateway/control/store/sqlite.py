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

from gateway.control.store import rollups
from gateway.control.store.base import (
    Aggregates,
    Group,
    Position,
    Progress,
    Span,
    Sums,
    Values,
    rolled_up,
)
from gateway.control.store.names import Names
from gateway.control.store.schema import migrate
from gateway.errors import StoreUnavailable
from gateway.ledger.row import COLUMNS

PATIENCE_SECONDS = 5.0
"""How long opening waits for a file that somebody else has locked."""
BUSY_MS = 250
"""How long reading and writing do."""
AT_ONCE = 32
"""Rows of one statement: a statement gives up the interpreter's lock, and has to wait to get it back."""

_PLACES = f"({', '.join('?' * len(COLUMNS))})"
_INSERT = "INSERT INTO calls ({columns}) VALUES {places}"
_ONE = _INSERT.format(columns=", ".join(COLUMNS), places=_PLACES)
_MANY = _INSERT.format(columns=", ".join(COLUMNS), places=", ".join([_PLACES] * AT_ONCE))
_STANDING = "SELECT {columns} FROM calls WHERE started_ns = ? AND id = ?"
_REMOVE = "DELETE FROM calls WHERE started_ns = ? AND id = ?"
_KEY = (COLUMNS.index("started_ns"), COLUMNS.index("id"))
_OUTCOME = COLUMNS.index("outcome")

_MOVE = """
INSERT INTO positions VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET segment = excluded.segment, offset = excluded.offset
"""
_FORGET = "DELETE FROM positions WHERE name = ?"

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
        self._names = Names()

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
            return Aggregates(rollups.read(db, span, groupings), _positions(db))

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
            rollups.add(db, sums, self._names)
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
