"""Keys as `gateway keys list` shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gateway.control.keystore import KeyRecord


def described(record: KeyRecord) -> dict[str, Any]:
    """A key as JSON values, without its secret; times in ISO 8601, UTC."""
    key = record.key
    return {
        "id": key.id,
        "name": key.name,
        "tenant": key.tenant,
        "models": list(key.models),
        "rpm": key.requests_per_minute,
        "concurrency": key.concurrency,
        "created": _moment(record.created_at),
        "revoked": _moment(record.revoked_at),
    }


def cells(described: Mapping[str, Any]) -> dict[str, str]:
    """The same as text for a table's row."""
    return {name: _shown(name, value) for name, value in described.items()}


def plain(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """A table's lines in plain columns, nothing cut."""
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in rows[0]}
    headed = [{name: name for name in widths}, *rows]
    return ["  ".join(row[name].ljust(width) for name, width in widths.items()).rstrip() for row in headed]


def _shown(name: str, value: Any) -> str:
    if name == "models":
        return ", ".join(value) or "all"
    if name in ("created", "revoked") and value:
        return str(value)[:16].replace("T", " ")
    return str(value) if value else "-"


def _moment(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
