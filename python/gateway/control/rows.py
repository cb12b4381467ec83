"""Rows as the journal's payloads say them, of whatever version, in today's columns."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any

import orjson

from gateway.control.store.base import Values
from gateway.ledger.row import COLUMNS, VERSION, Row

log = logging.getLogger(__name__)

_WIDTH = len(COLUMNS)
_DEFAULTS = tuple(None if field.default is MISSING else field.default for field in fields(Row))
_REQUIRED = sum(field.default is MISSING for field in fields(Row))
_REQUEST_ID = COLUMNS.index("request_id")


def rows_of(payloads: Sequence[bytes], version: int) -> list[Values]:
    """The rows of sound records of one version. What is no row is left out and logged."""
    try:
        rows = orjson.loads(b"[%b]" % b",".join(payloads))
        if version == VERSION and set(map(len, rows)) <= {_WIDTH}:
            return list(rows)
    except (orjson.JSONDecodeError, TypeError):
        rows = map(_parsed, payloads)
    return [in_columns(row, version) for row in rows if _is_row(row)]


def in_columns(row: Sequence[Any], version: int) -> Values:
    """A row of any version in today's columns: new ones at their defaults, unknown ones left out."""
    full = [*row[:_WIDTH], *_DEFAULTS[len(row) :]]
    if version < 2:
        full[_REQUEST_ID] = full[0]
    return full


def _parsed(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None


def _is_row(row: Any) -> bool:
    if isinstance(row, list) and len(row) >= _REQUIRED and isinstance(row[0], str) and isinstance(row[1], int):
        return True
    log.error("a record of the journal is no row and is left out: %.100r", row)
    return False
