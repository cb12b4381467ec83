"""Where keys are kept: one SQLite file, of secrets only their hashes."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from gateway.config.datadir import DataDirUnusable
from gateway.policy.keys import Key, digest, new_public_id, new_secret

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, digest BLOB NOT NULL, name TEXT NOT NULL, tenant TEXT NOT NULL, models TEXT NOT NULL,
    requests_per_minute INTEGER, concurrency INTEGER, created_at INTEGER NOT NULL, revoked_at INTEGER
);
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as the operator sees it. Times are Unix seconds."""

    key: Key
    created_at: int
    revoked_at: int | None


class KeyStore:
    """Keys, the admin key's hash and the deployment's secret. Several processes may use one store at a time.

    `wall` gives the time in seconds since the epoch.
    """

    def __init__(self, path: Path, *, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._spoilt: set[Any] = set()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
        self._db = sqlite3.connect(path, timeout=10.0, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(_SCHEMA)

    def create(
        self,
        *,
        name: str = "",
        tenant: str = "default",
        models: tuple[str, ...] = (),
        requests_per_minute: int | None = None,
        concurrency: int | None = None,
    ) -> tuple[Key, str]:
        """A new key and its secret, which is not kept anywhere."""
        public_id = new_public_id()
        secret = new_secret(public_id)
        key = Key(public_id, digest(secret), name, tenant, models, requests_per_minute, concurrency)
        row = (key.id, key.digest, name, tenant, orjson.dumps(models).decode(), requests_per_minute, concurrency)
        self._db.execute("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)", (*row, int(self._wall())))
        return key, secret

    def revoke(self, public_id: str) -> bool:
        """Ends a key; False when there is no such live key."""
        statement = "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"
        return self._db.execute(statement, (int(self._wall()), public_id)).rowcount > 0

    def records(self) -> list[KeyRecord]:
        """All keys, the oldest first, revoked ones included. A row that is no key is left out, and logged once."""
        rows = self._db.execute("SELECT * FROM keys ORDER BY created_at, id").fetchall()
        return [record for row in rows if (record := self._record(row)) is not None]

    def any_ever_made(self) -> bool:
        """Whether a key was ever made, revoked or readable or not."""
        return self._db.execute("SELECT 1 FROM keys LIMIT 1").fetchone() is not None

    def version(self) -> int:
        """A number that changes when another process has written."""
        version: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        return version

    def secret(self, name: str) -> bytes | None:
        """A secret of the deployment, None if it was never kept."""
        row = self._db.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def keep_secret(self, name: str, value: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO secrets VALUES (?, ?)", (name, value))

    def close(self) -> None:
        self._db.close()

    def _record(self, row: tuple[Any, ...]) -> KeyRecord | None:
        try:
            return _read(row)
        except (ValueError, TypeError) as error:
            if row[0] not in self._spoilt:
                log.error("key %r in the key store cannot be read and is left out: %s", row[0], error)
                self._spoilt.add(row[0])
            return None


def _read(row: tuple[Any, ...]) -> KeyRecord:
    """One row of the table; raises ValueError or TypeError for values that no key has."""
    id_, hash_, name, tenant, models, rpm, concurrency, created, revoked = row
    patterns = orjson.loads(models)
    if not (isinstance(hash_, bytes) and len(hash_) == 32):
        raise ValueError("its digest is not 32 bytes")
    if not (isinstance(patterns, list) and all(isinstance(pattern, str) for pattern in patterns)):
        raise ValueError("its models are not a list of names")
    if not all(isinstance(text, str) for text in (id_, name, tenant)):
        raise ValueError("its id, name or tenant is not text")
    if not all(limit is None or (isinstance(limit, int) and limit > 0) for limit in (rpm, concurrency)):
        raise ValueError("a limit is not a positive number")
    return KeyRecord(Key(id_, hash_, name, tenant, tuple(patterns), rpm, concurrency), int(created), revoked)


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Turns what SQLite says into what the operator can do."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise DataDirUnusable(f"{path} cannot be used: {error}. Repair it, restore it, or move it away.") from error


def open_keys(folder: Path, *, wall: Callable[[], float]) -> KeyStore:
    """The keys in a data directory; raises `DataDirUnusable`."""
    path = folder / "keys.db"
    with usable(path):
        return KeyStore(path, wall=wall)
