"""Sums of rows, and sums of sums."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.control.store.base import HOUR_NS, LABELS, Sums, regrouped, rolled_up
from tests.control.made import row

rows = st.lists(
    st.builds(
        lambda hour, model, cost, saved: row(
            "a", started_ns=hour * HOUR_NS + 5, model=model, cost_pico=cost, saved_pico=saved
        ),
        st.integers(0, 3),
        st.sampled_from("ab"),
        st.none() | st.integers(0, 2**63 - 1),
        st.integers(0, 2**63 - 1),
    )
)


def test_a_group_is_an_hour_and_the_labels() -> None:
    sums = rolled_up([row("a", started_ns=HOUR_NS - 1, cost_pico=5), row("b", started_ns=HOUR_NS, cost_pico=None)])

    assert LABELS == ("model", "provider", "key_id", "endpoint", "cache", "outcome")
    assert sums == {
        (0, "m", "", "", "chat", "", "ok"): Sums(1, 5, 0),
        (1, "m", "", "", "chat", "", "ok"): Sums(1, 0, 0, unpriced=1),
    }


@given(rows)
def test_regrouping_adds_up_to_the_same(some: list[tuple[object, ...]]) -> None:
    sums = rolled_up(some)

    (whole,) = regrouped(sums, ()).values() or [Sums()]
    by_model = regrouped(sums, ("model",))

    assert whole.calls == len(some) == sum(each.calls for each in by_model.values())
    assert whole.cost_pico == sum(each.cost_pico for each in by_model.values())
    assert whole.saved_pico == sum(each.saved_pico for each in by_model.values())
    assert whole.unpriced == sum(each.unpriced for each in by_model.values())
