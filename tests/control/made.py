"""Rows of the ledger for tests."""

from __future__ import annotations

from typing import Any

import orjson

from gateway.ledger.row import COLUMNS, Row, values


def row(id: str, **fields: Any) -> tuple[Any, ...]:
    """A call of the model `m`, its start and everything else at zero unless said otherwise."""
    return values(Row(**{"id": id, "started_ns": 0, "endpoint": "chat", "model": "m", **fields}))


def record(id: str, **fields: Any) -> bytes:
    """The same, as the journal has it."""
    return orjson.dumps(row(id, **fields))


def column(name: str, of: Any) -> Any:
    return of[COLUMNS.index(name)]
