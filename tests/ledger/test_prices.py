"""Prices: equal to the picodollar to the catalogue's own calculation, the operator's first, and unknown where nobody knows.

What is left out of the comparison, because the catalogue prices it by something that chat usage does not say: models
without a price for input and for output tokens (they are unknown here), cached audio, images, searches, and the one model
whose reasoning tokens have a price of their own.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import genai_prices
import pytest
from genai_prices.data_snapshot import find_provider_by_id, get_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.chat.money import PICO_PER_USD
from gateway.chat.usage import Usage
from gateway.ledger.prices import ANY_PROVIDER, MOST_PICO, Price, Prices, Rate, own_rate
from gateway.providers.base import Provider, Target
from gateway.providers.table import OPENAI

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PROVIDERS = ("openai", "deepseek", "x-ai", "mistral", "groq", "together", "openrouter", "fireworks")


def prices(own: dict[str, Rate] | None = None) -> Prices:
    return Prices(own or {}, wall=lambda: int(NOW.timestamp() * 1e9))


CATALOGUE = prices()
NOTHING = genai_prices.Usage(input_tokens=0, output_tokens=0)


def target(model: str, listed_as: str, name: str = "") -> Target:
    return Target(Provider(name or listed_as, "https://example.com/v1", OPENAI, prices=listed_as), model)


def models(provider: str) -> list[str]:
    found = find_provider_by_id(get_snapshot().providers, provider)
    assert found is not None
    return [model.id for model in found.models if model.get_prices(NOW).output_reasoning_mtok is None]


def true_cost(usage: Usage, model: str, provider: str) -> int:
    """What the catalogue's own calculation gives."""
    counts = {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cache_read_tokens": usage.cached,
        "cache_write_tokens": usage.cache_write,
        "input_audio_tokens": usage.audio_input,
        "output_audio_tokens": usage.audio_output,
    }
    raw = genai_prices.Usage(**{name: count for name, count in counts.items() if count or name.count("_") == 1})
    found = genai_prices.calc_price(raw, model, provider_id=provider, genai_request_timestamp=NOW)
    return math.ceil(found.total_price * PICO_PER_USD)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    prompt = draw(st.one_of(st.integers(0, 2_000_000), st.sampled_from([128_000, 128_001, 200_000, 200_001, 272_001])))
    output = draw(st.integers(0, 100_000))
    if draw(st.booleans()):
        audio = draw(st.integers(0, prompt))
        return Usage(prompt, output, audio_input=audio, audio_output=draw(st.integers(0, output)))
    cached = draw(st.integers(0, prompt))
    return Usage(prompt, output, cached=cached, cache_write=draw(st.integers(0, prompt - cached)))


@pytest.mark.parametrize("provider", PROVIDERS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_costs_equal_the_catalogues_own_calculation(provider: str, data: st.DataObject) -> None:
    model, usage = data.draw(st.sampled_from(models(provider))), data.draw(usages())

    rate = CATALOGUE.rate(target(model, provider))

    if rate is not None:
        assert rate.cost(usage) == true_cost(usage, model, provider)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_model_of_the_catalogue_costs_what_the_catalogue_says(provider: str) -> None:
    unpriced = []
    for model in models(provider):
        rate = CATALOGUE.rate(target(model, provider))
        if rate is None:
            unpriced.append(model)
            continue
        steps = [start for start, _ in rate.input.tiers]
        around = [Usage(prompt, 5) for start in steps for prompt in (start, start + 1)]
        for usage in (Usage(1001, 101, cached=501), Usage(300_001, 7, cached=200_001, cache_write=11), *around):
            assert rate.cost(usage) == true_cost(usage, model, provider), model

    for model in unpriced:
        try:
            listed = genai_prices.calc_price(
                NOTHING, model, provider_id=provider, genai_request_timestamp=NOW
            ).model_price
        except LookupError:
            continue  # some families' ids, such as ft:gpt-4o, are not among the names that they answer to
        assert listed.input_mtok is None or listed.output_mtok is None, model


def test_a_model_that_nobody_knows_has_no_price_rather_than_none_to_pay() -> None:
    assert CATALOGUE.rate(target("no-such-model", "openai")) is None
    assert CATALOGUE.rate(target("no-such-model", "")) is None
    assert CATALOGUE.rate(target("gpt-4o-mini", "no-such-provider")) is None


def test_any_provider_finds_who_is_known_for_the_model() -> None:
    assert CATALOGUE.rate(target("gpt-4o-mini", ANY_PROVIDER)) == CATALOGUE.rate(target("gpt-4o-mini", "openai"))


def test_any_provider_knows_embeddings_too() -> None:
    assert CATALOGUE.knows(ANY_PROVIDER, "text-embedding-3-small")
    assert not CATALOGUE.knows(ANY_PROVIDER, "no-such-model")


def test_the_operators_own_price_wins_by_the_fuller_name() -> None:
    mine = prices(
        {"gpt-4o-mini": own_rate({"input": 1, "output": 2}), "here/gpt-4o-mini": own_rate({"input": 3, "output": 4})}
    )

    assert mine.rate(target("gpt-4o-mini", "openai", "here")) == own_rate({"input": 3, "output": 4})
    assert mine.rate(target("gpt-4o-mini", "openai", "there")) == own_rate({"input": 1, "output": 2})


def test_own_prices_are_dollars_per_million_tokens() -> None:
    rate = own_rate({"input": 0.1, "output": 3, "cache_read": 0.025, "cache_write": 0.125})

    cost = rate.cost(Usage(1000, 10, cached=300, cache_write=200))

    assert cost == 500 * 100_000 + 300 * 25_000 + 200 * 125_000 + 10 * 3_000_000


def test_a_share_without_a_price_of_its_own_costs_what_its_whole_costs() -> None:
    rate = own_rate({"input": 1, "output": 2})

    assert rate.cost(Usage(100, 10, cached=50, cache_write=10, audio_input=5, audio_output=5)) == rate.cost(
        Usage(100, 10)
    )


def test_overlapping_shares_are_not_billed_twice() -> None:
    rate = own_rate({"input": 1, "output": 2, "cache_read": 0.5, "input_audio": 10})

    assert rate.cost(Usage(100, 0, cached=80, audio_input=80)) == 80 * 500_000 + 20 * 10_000_000


def test_a_fraction_of_a_picodollar_is_rounded_up_once() -> None:
    third = Price(((0, Decimal("0.4")),))

    assert Rate(third, third).cost(Usage(1, 1)) == 1
    assert Rate(third, third).cost(Usage(0, 0)) == 0


def test_nonsense_never_costs_more_than_the_ledger_can_hold() -> None:
    assert own_rate({"input": 1e6, "output": 1e6}).cost(Usage(10**9, 10**9)) == MOST_PICO < 2**63 // 900


def test_prices_that_follow_the_hour_are_looked_up_again() -> None:
    hours: list[Any] = [datetime(2026, 11, 20, hour, tzinfo=UTC) for hour in range(24)]
    clock = {"now": hours[0]}
    followed = Prices({}, wall=lambda: int(clock["now"].timestamp() * 1e9))

    for hour in hours:
        clock["now"] = hour
        for model in ("deepseek-chat", "deepseek-reasoner"):
            rate = followed.rate(target(model, "deepseek"))
            raw = genai_prices.Usage(input_tokens=1000, output_tokens=10)
            true = genai_prices.calc_price(raw, model, provider_id="deepseek", genai_request_timestamp=hour)
            assert rate is not None
            assert rate.cost(Usage(1000, 10)) == math.ceil(true.total_price * PICO_PER_USD)


def test_invented_names_are_not_remembered_for_good() -> None:
    """The catalogue keeps every name that it was ever asked for, in caches without a bound."""
    kept = get_snapshot()
    some = prices()
    before = len(kept._provider_cache), len(kept._provider_misses), len(kept._lookup_cache)

    for number in range(50):
        assert some.rate(target(f"invented-{number}", "openai")) is None
        assert not some.knows("openai", f"invented-{number}")
        assert not some.knows(ANY_PROVIDER, f"invented-{number}")

    assert (len(kept._provider_cache), len(kept._provider_misses), len(kept._lookup_cache)) == before
