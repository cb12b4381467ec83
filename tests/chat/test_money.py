"""Money as integers of picodollars."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.chat.money import PICO_PER_USD, to_pico, to_usd


@pytest.mark.parametrize(
    ("usd", "pico"),
    [
        (0, 0),
        (1, 10**12),
        ("0.000000000001", 1),
        (0.15e-6, 150_000),
        (0.1 + 0.2, 300_000_000_000),
        (Decimal("2.5e-12"), 2),
        (Decimal("3.5e-12"), 4),
        (9_223_373, 9_223_373 * 10**12),
    ],
)
def test_dollars_are_whole_picodollars(usd: float | str | Decimal, pico: int) -> None:
    assert to_pico(usd) == pico


@given(st.integers(0, 10**15))
def test_every_picodollar_counts(pico: int) -> None:
    assert to_pico(Decimal(pico) / PICO_PER_USD) == pico


def test_sums_are_exact_where_floats_are_not() -> None:
    assert sum(to_pico("0.1") for _ in range(10)) == PICO_PER_USD
    assert to_usd(PICO_PER_USD // 4) == 0.25
