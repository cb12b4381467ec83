"""The row: its columns, and what stands if a call is never closed."""

from __future__ import annotations

import pytest

from gateway.ledger.row import COLUMNS, VERSION, Row, interrupted, values

VERSION_1 = [
    *(
        "id",
        "started_ns",
        "endpoint",
        "key_id",
        "model",
        "provider",
        "target",
        "stream",
        "outcome",
        "status",
        "error",
        "cache",
    ),
    *(
        "attempts",
        "input_tokens",
        "output_tokens",
        "cached_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
        "cost_pico",
    ),
    *("cost_source", "saved_pico", "saved_by", "partial", "first_byte_us", "duration_us"),
]


def test_columns_are_only_ever_added_at_the_end() -> None:
    assert VERSION == 2
    assert list(COLUMNS) == [*VERSION_1, "request_id"]


def test_values_stand_in_the_order_of_the_columns() -> None:
    row = Row("req_1", 5, "chat", model="gpt-4o", request_id="mine")

    assert dict(zip(COLUMNS, values(row), strict=True))["model"] == "gpt-4o"
    assert values(row)[:3] == ("req_1", 5, "chat")
    assert Row(*values(row)) == row


def test_a_row_of_an_earlier_version_takes_the_defaults_of_what_it_lacks() -> None:
    row = Row("req_1", 5, "chat", model="gpt-4o", request_id="mine")
    assert Row(*values(row)[: len(VERSION_1)]).request_id == ""


@pytest.mark.parametrize(("cost", "source"), [(1200, "estimated"), (None, "unknown")])
def test_what_stands_if_a_call_is_never_closed(cost: int | None, source: str) -> None:
    row = Row("req_1", 5, "chat", attempts=1, input_tokens=3)

    lost = Row(*interrupted(row, cost))

    assert (lost.outcome, lost.status, lost.error, lost.partial) == ("interrupted", 0, "interrupted", True)
    assert (lost.cost_pico, lost.cost_source, lost.attempts) == (cost, source, 1)
    assert row.outcome == "ok"
