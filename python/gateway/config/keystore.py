"""Where keys are kept: one SQLite file, of secrets only their hashes."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

import orjson

from gateway.policy.keys import Key, digest, new_public_id, new_secret

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
    """Keys, the admin key's hash and the deployment's secret. Several processes may use one store at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._db = sqlite3.connect(path, timeout=10.0, isolation_level=None)
        path.chmod(0o600)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(_SCHEMA)
        self._seen = -1

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
        row = (
            key.id,
            key.digest,
            name,
            tenant,
            orjson.dumps(models).decode(),
            requests_per_minute,
            concurrency,
        )
        self._db.execute("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)", (*row, int(time.time())))
        return key, secret

    def revoke(self, public_id: str) -> bool:
        """Ends a key; False when there is no such live key."""
        statement = "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"
        return self._db.execute(statement, (int(time.time()), public_id)).rowcount > 0

    def records(self) -> list[KeyRecord]:
        """All keys, the oldest first, revoked ones included."""
        rows = self._db.execute("SELECT * FROM keys ORDER BY created_at, id").fetchall()
        return [
            KeyRecord(Key(id_, hash_, name, tenant, tuple(orjson.loads(models)), rpm, concurrency), created, revoked)
            for id_, hash_, name, tenant, models, rpm, concurrency, created, revoked in rows
        ]

    def changed(self) -> bool:
        """Whether another process has written since this was last asked; true the first time."""
        version: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        changed, self._seen = version != self._seen, version
        return changed

    def secret(self, name: str) -> bytes | None:
        row = self._db.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def keep_secret(self, name: str, value: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO secrets VALUES (?, ?)", (name, value))

    def close(self) -> None:
        self._db.close()
