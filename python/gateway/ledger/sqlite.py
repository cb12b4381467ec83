"""The ledger's store in one SQLite file (WAL): batches in, aggregates out."""

from __future__ import annotations

import sqlite3
import threading
from itertools import chain
from pathlib import Path
from typing import Any

from gateway.ledger.entry import COLUMNS
from gateway.ledger.ledger import Row

_TEXT = {
    "id", "endpoint", "key_id", "model", "provider", "target", "outcome", "error", "cache", "cost_source", "saved_by",
}  # fmt: skip
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS calls (
    {", ".join(f"{name} {'TEXT' if name in _TEXT else 'INTEGER'}" for name in COLUMNS)},
    PRIMARY KEY (started_ns, id)
) WITHOUT ROWID;
PRAGMA user_version = 1;
"""
# The key is in order of time, so that a batch goes to the end of one tree and a span of time is one piece of it.
# A row that was closed as interrupted gives way to the true one, never the other way round.
_INSERT = """
INSERT INTO calls ({names}) VALUES {places}
ON CONFLICT (started_ns, id) DO UPDATE SET {updates}
WHERE calls.outcome = 'interrupted' AND excluded.outcome <> 'interrupted'
"""
AT_ONCE = 16
"""Rows of one statement: `executemany` gives up the GIL at every row and, under load, waits up to 5 ms to get it back."""


def _insert(rows: int) -> str:
    places = ", ".join([f"({', '.join('?' * len(COLUMNS))})"] * rows)
    updates = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])
    return _INSERT.format(names=", ".join(COLUMNS), places=places, updates=updates)


_ONE, _MANY = _insert(1), _insert(AT_ONCE)


class SqliteStore:
    """One writer connection and one reader; safe to call from one thread each at a time."""

    def __init__(self, path: Path) -> None:
        self._writer = self._connect(path)
        self._writer.executescript(_SCHEMA)
        self._reader = self._connect(path)
        self._reader.execute("PRAGMA query_only = ON")
        self._reading = threading.Lock()

    def write(self, rows: list[Row]) -> None:
        with self._writer:
            whole = len(rows) - len(rows) % AT_ONCE
            for start in range(0, whole, AT_ONCE):
                self._writer.execute(_MANY, tuple(chain.from_iterable(rows[start : start + AT_ONCE])))
            self._writer.executemany(_ONE, rows[whole:])

    def query(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[Row]:
        """Runs one read-only statement."""
        with self._reading:
            return self._reader.execute(sql, parameters).fetchall()

    def close(self) -> None:
        self._reader.close()
        self._writer.close()

    @staticmethod
    def _connect(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=5.0, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection
