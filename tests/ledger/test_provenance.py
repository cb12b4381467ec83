"""How an answer came about, as headers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gateway.ledger import provenance
from gateway.ledger.entry import Entry
from gateway.ledger.row import Row


def entry(**fields: object) -> Entry:
    made = Entry(SimpleNamespace(), Row("req_1", 1, "chat"), 0)  # type: ignore[arg-type]
    for name, value in fields.items():
        setattr(made.row, name, value)
    return made


def lines(entry: Entry) -> dict[str, str]:
    text = provenance.headers(entry)
    assert text.endswith("\r\n")
    return dict(line.split(": ", 1) for line in text.removesuffix("\r\n").split("\r\n"))


def test_a_call_that_got_nowhere_says_no_more_than_that() -> None:
    assert lines(entry()) == {"x-gateway-cache": "bypass"}


def test_a_miss_says_who_answered_at_what_cost_and_how_long_we_took() -> None:
    miss = entry(cache="miss", provider="one", target="gpt", attempts=2, cost_pico=1_500_000_000, first_byte_us=2500)
    miss.upstream = SimpleNamespace(waited_us=1000)

    assert lines(miss) == {
        "x-gateway-cache": "miss",
        "x-gateway-provider": "one",
        "x-gateway-model": "gpt",
        "x-gateway-attempts": "2",
        "x-gateway-cost-usd": "0.0015",
        "x-gateway-saved-usd": "0",
        "x-gateway-overhead-ms": "1.500",
    }


def test_a_hit_says_what_it_saved() -> None:
    hit = entry(cache="hit", provider="one", target="gpt", saved_pico=10**12, first_byte_us=40)
    told = lines(hit)
    assert (told["x-gateway-cost-usd"], told["x-gateway-saved-usd"], told["x-gateway-overhead-ms"]) == (
        "0",
        "1",
        "0.040",
    )
    assert "x-gateway-attempts" not in told


@pytest.mark.parametrize("fields", [{"outcome": "failed"}, {"cost_pico": None}])
def test_a_cost_that_is_not_known_is_not_told(fields: dict[str, object]) -> None:
    assert "x-gateway-cost-usd" not in lines(entry(cache="miss", provider="one", target="gpt", **fields))


def test_nor_is_one_that_is_not_settled() -> None:
    call = entry(cache="miss", provider="one", target="gpt")
    call.in_flight = True
    assert "x-gateway-cost-usd" not in lines(call)


def test_who_shares_a_flight_has_no_overhead_of_its_own() -> None:
    assert "x-gateway-overhead-ms" not in lines(entry(cache="coalesced", provider="one", target="gpt", first_byte_us=9))


def test_a_limit_is_told_with_what_is_left() -> None:
    call = entry()
    call.quota = SimpleNamespace(limit=60, remaining=58, reset_seconds=2.0)
    told = lines(call)
    assert [told[f"x-ratelimit-{name}-requests"] for name in ("limit", "remaining", "reset")] == ["60", "58", "2.000s"]


def test_a_models_name_cannot_add_a_header() -> None:
    assert lines(entry(provider="one", target="gpt\r\nset-cookie: a"))["x-gateway-model"] == "gptset-cookie: a"


@pytest.mark.parametrize(
    ("pico", "text"),
    [(0, "0"), (1, "0.000000000001"), (10**12, "1"), (1_500_000_000_000, "1.5"), (10**16, "10000")],
)
def test_money_is_told_to_the_last_digit(pico: int, text: str) -> None:
    assert provenance.usd(pico) == text
