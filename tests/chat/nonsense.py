"""Whatever a provider might send where an answer is expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

NUMBERS = st.integers() | st.sampled_from([10_000_000, -1, 2**63, -(2**63)]) | st.floats(allow_nan=False)


def values(names: Sequence[str]) -> st.SearchStrategy[Any]:
    """Any JSON, most of whose members have one of `names`."""
    plain = st.none() | st.booleans() | NUMBERS.filter(_finite) | st.text(max_size=4)
    members = st.sampled_from(names) | st.text(max_size=3)
    return st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(members, inner, max_size=6),
        max_leaves=30,
    )


def _finite(number: float) -> bool:
    return -(2**63) <= number < 2**64 and number not in (float("inf"), float("-inf"))
