"""What the ledger says in sum: cost, requests, hits and savings over a span of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from gateway.chat.money import to_usd
from gateway.control.store.base import FOREVER, Group, Span, Sums
from gateway.errors import InvalidRequest

GROUPS = {
    "model": "model",
    "provider": "provider",
    "key": "key_id",
    "endpoint": "endpoint",
    "cache": "cache",
    "outcome": "outcome",
    "day": "day",
    "hour": "hour",
}
"""What a report can be grouped by, and what the store calls it."""
_HITS = ("hit", "semantic", "coalesced")


class Summed(Protocol):
    """Whatever adds up the ledger's rows: a store, or the journals in front of it."""

    def aggregate(self, span: Span, groupings: Sequence[Sequence[str]]) -> Sequence[Mapping[Group, Sums]]: ...


def costs(ledger: Summed, start: str | None, end: str | None, group_by: str | None) -> dict[str, Any]:
    """Totals in USD and the split by model; with `group_by` also a list `by_<group>` of the same form.

    A cost leaves out the `unpriced_requests`, whose cost nobody knows, and is None where all of the calls are.
    `start` (included) and `end` (excluded) are ISO dates or date-times (UTC where they name no zone) or Unix seconds.
    """
    if group_by is not None and group_by not in GROUPS:
        raise InvalidRequest(f"'group_by' must be one of {', '.join(GROUPS)}.", param="group_by")
    span = Span(instant(start, "from", 0), instant(end, "to", FOREVER))
    groups = list(dict.fromkeys(("model", group_by or "model")))
    by_cache, *splits = ledger.aggregate(span, [("cache",), *((GROUPS[group],) for group in groups)])
    total = _total(by_cache.values())
    report: dict[str, Any] = {
        "total_cost": _cost(total),
        "total_requests": total.calls,
        "unpriced_requests": total.unpriced,
        "cache_hits": sum(sums.calls for (cache,), sums in by_cache.items() if cache in _HITS),
        "cache_misses": sum(sums.calls for (cache,), sums in by_cache.items() if cache == "miss"),
        "estimated_saved": to_usd(total.saved_pico),
    }
    for group, sums in zip(groups, splits, strict=True):
        report[f"by_{group}"] = _listed(group, sums)
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


def _listed(group: str, sums: Mapping[Group, Sums]) -> list[dict[str, Any]]:
    """One entry a group, the dearest first, then the most frequent."""
    name = _NAMES.get(group, str)
    named = sorted(
        ((name(value), each) for (value,), each in sums.items()),
        key=lambda item: (-item[1].cost_pico, -item[1].calls, item[0]),
    )
    return [
        {group: name, "requests": each.calls, "cost": _cost(each), "unpriced_requests": each.unpriced}
        for name, each in named
    ]


def _cost(sums: Sums) -> float | None:
    """What is known of the cost in USD; None where that is nothing."""
    return None if sums.calls and sums.unpriced == sums.calls else to_usd(sums.cost_pico)


def _total(parts: Iterable[Sums]) -> Sums:
    total = Sums()
    for part in parts:
        total.add(part)
    return total


_NAMES: dict[str, Callable[[Any], str]] = {
    "hour": lambda hour: f"{datetime.fromtimestamp(hour * 3_600, UTC):%Y-%m-%dT%H:00Z}",
    "day": lambda day: f"{datetime.fromtimestamp(day * 86_400, UTC):%Y-%m-%d}",
}
