"""What the ledger says in sum: cost, requests, hits and savings over a span of time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol

from gateway.chat.money import to_usd
from gateway.errors import InvalidRequest
from gateway.ledger.ledger import Row

GROUPS = {
    "model": "model",
    "provider": "provider",
    "key": "key_id",
    "endpoint": "endpoint",
    "cache": "cache",
    "outcome": "outcome",
    "day": "date(started_ns / 1000000000, 'unixepoch')",
    "hour": "strftime('%Y-%m-%dT%H:00Z', started_ns / 1000000000, 'unixepoch')",
}
_TOTALS = """
SELECT coalesce(sum(cost_pico), 0), count(*), coalesce(sum(cache IN ('hit', 'semantic', 'coalesced')), 0),
       coalesce(sum(cache = 'miss'), 0), coalesce(sum(saved_pico), 0)
FROM calls WHERE started_ns >= ? AND started_ns < ?
"""
_GROUPED = """
SELECT {group}, count(*), coalesce(sum(cost_pico), 0)
FROM calls WHERE started_ns >= ? AND started_ns < ? GROUP BY 1 ORDER BY 3 DESC, 2 DESC, 1
"""
FOREVER = 2**63 - 1


class Readable(Protocol):
    def query(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[Row]: ...


def costs(store: Readable, start: str | None, end: str | None, group_by: str | None) -> dict[str, Any]:
    """Totals in USD and the split by model; with `group_by` also a list `by_<group>` of the same form.

    `start` (included) and `end` (excluded) are ISO dates or date-times (UTC where they name no zone) or Unix seconds.
    """
    if group_by is not None and group_by not in GROUPS:
        raise InvalidRequest(f"'group_by' must be one of {', '.join(GROUPS)}.", param="group_by")
    span = (instant(start, "from", 0), instant(end, "to", FOREVER))
    cost, requests, hits, misses, saved = store.query(_TOTALS, span)[0]
    report = {
        "total_cost": to_usd(cost),
        "total_requests": requests,
        "cache_hits": hits,
        "cache_misses": misses,
        "estimated_saved": to_usd(saved),
    }
    for group in dict.fromkeys(("model", group_by or "model")):
        rows = store.query(_GROUPED.format(group=GROUPS[group]), span)
        report[f"by_{group}"] = [{group: name, "requests": n, "cost": to_usd(pico)} for name, n, pico in rows]
    return report


def instant(text: str | None, name: str, default: int) -> int:
    """A moment in nanoseconds since the epoch, from an ISO date, an ISO date-time or Unix seconds."""
    if not text:
        return default
    try:
        if text.isdigit():
            seconds = float(text)
        else:
            moment = datetime.fromisoformat(text)
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        return max(0, min(FOREVER, int(seconds * 1e9)))
    except (ValueError, OverflowError) as error:
        message = (
            f"'{name}' must be an ISO date such as 2026-11-20, an ISO date-time or Unix seconds, not {text[:40]!r}."
        )
        raise InvalidRequest(message, param=name) from error
