"""The versions of a SQLite store: `migrations/NNNN_name.sql` leads from version NNNN - 1 to NNNN."""

from __future__ import annotations

import logging
import sqlite3
from importlib.resources import files

log = logging.getLogger(__name__)


class TooNew(sqlite3.DatabaseError):
    """The store was made by a later version of the gateway."""


def migrate(db: sqlite3.Connection) -> None:
    """Brings a store to the latest version, one transaction a step. Raises `TooNew` for one that is beyond it."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    steps = _steps()
    if version > len(steps):
        raise TooNew(f"it was made by a later version of the gateway (schema {version}, known are up to {len(steps)})")
    for number, script in enumerate(steps[version:], start=version + 1):
        if version:
            log.warning("the ledger's store goes from schema %d to %d", number - 1, number)
        try:
            db.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def _steps() -> list[str]:
    """The scripts in the order of their numbers, which are their places."""
    folder = files("gateway.control.store") / "migrations"
    scripts = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return [script.read_text(encoding="utf-8") for script in scripts]
