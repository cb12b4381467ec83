"""How many gateways a call has passed."""

from __future__ import annotations

import pytest

from gateway.api.hops import hops
from gateway.chat.call import HOPS_HEADER, MAX_HOPS
from gateway.errors import InvalidRequest, RequestLoop


def told(value: str) -> int:
    return hops({HOPS_HEADER: value}.__getitem__)


def test_a_client_has_come_through_no_gateway() -> None:
    assert told("") == 0


def test_few_gateways_may_stand_in_a_row() -> None:
    assert [told(str(number)) for number in range(MAX_HOPS)] == [0, 1, 2]


@pytest.mark.parametrize("number", [MAX_HOPS, MAX_HOPS + 1, 999])
def test_a_loop_is_refused_with_its_cause(number: int) -> None:
    with pytest.raises(RequestLoop, match="base_url") as refusal:
        told(str(number))

    assert (refusal.value.status, refusal.value.code) == (400, "request_loop")


@pytest.mark.parametrize("value", ["-1", "+1", "1.0", "one", "٣", "1000", " 1", "9" * 8_000, "1,1"])
def test_what_is_no_count_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest, match=HOPS_HEADER) as refusal:
        told(value)

    assert refusal.value.code == "invalid_request"
