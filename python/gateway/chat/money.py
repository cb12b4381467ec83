"""Money as integers of picodollars (1e-12 USD): sums of millions of calls stay exact."""

from __future__ import annotations

from decimal import Decimal

PICO_PER_USD = 1_000_000_000_000


def to_pico(usd: Decimal | float | int | str) -> int:
    """USD → picodollars, rounded half to even."""
    return round(Decimal(str(usd)) * PICO_PER_USD)


def to_usd(pico: int) -> float:
    """Picodollars → USD, for display and JSON."""
    return pico / PICO_PER_USD
