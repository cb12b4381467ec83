"""How an answer came about, as response headers."""

from __future__ import annotations

from functools import lru_cache

from gateway.chat.money import PICO_PER_USD
from gateway.chat.names import clean
from gateway.ledger.entry import Entry


def headers(entry: Entry) -> str:
    """Who gave an answer, from where, at what cost and how fast, and how much of a limit is left: header lines, each with its end.

    What is known only at the end of a stream is left out.
    """
    row = entry.row
    cost = row.cost_pico if row.outcome == "ok" and not entry.in_flight else None
    lines = _answered_by(row.cache, row.provider, row.target, row.attempts, cost, row.saved_pico)
    if row.first_byte_us and row.cache != "coalesced":
        waited_us = entry.upstream.waited_us if entry.upstream is not None else 0
        lines += f"x-gateway-overhead-ms: {(row.first_byte_us - waited_us) / 1000:.3f}\r\n"
    if (quota := entry.quota) is not None:
        lines += (
            f"x-ratelimit-limit-requests: {quota.limit}\r\nx-ratelimit-remaining-requests: {quota.remaining}\r\n"
            f"x-ratelimit-reset-requests: {quota.reset_seconds:.3f}s\r\n"
        )
    return lines


@lru_cache(4096)
def _answered_by(cache: str, provider: str, model: str, attempts: int, cost: int | None, saved: int) -> str:
    """Who answered and what it cost in picodollars; the same lines for every hit of one answer."""
    lines = f"x-gateway-cache: {cache or 'bypass'}\r\n"
    if not provider:
        return lines
    lines += f"x-gateway-provider: {provider}\r\nx-gateway-model: {clean(model)}\r\n"
    if attempts:
        lines += f"x-gateway-attempts: {attempts}\r\n"
    if cost is not None:
        lines += f"x-gateway-cost-usd: {usd(cost)}\r\nx-gateway-saved-usd: {usd(saved)}\r\n"
    return lines


def usd(pico: int) -> str:
    """Picodollars as decimal USD, to the last digit."""
    return f"{pico // PICO_PER_USD}.{pico % PICO_PER_USD:012d}".rstrip("0").rstrip(".")
