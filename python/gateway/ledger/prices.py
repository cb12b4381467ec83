"""What a token costs: the operator's own prices, else the dated catalogue of `genai-prices`, else unknown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gateway.chat.money import PICO_PER_USD
from gateway.chat.usage import Usage
from gateway.providers.base import Target

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

REFRESH_SECONDS = 60
CACHED_RATES = 10_000
"""Models whose rates are kept, those asked for last."""
ANY_PROVIDER = "*"
"""In place of a provider's catalogue id: whoever is known for the model."""
USUAL_OWNER = "openai"
"""Whose models those are that the catalogue finds under no provider: it matches embeddings only within their own."""
MOST_PICO = 10_000 * PICO_PER_USD
"""More than any call costs: what nonsense is held to, so sums of rows stay within 64 bits."""
_UNITS = ("input", "output", "cache_read", "cache_write", "input_audio", "output_audio")


@dataclass(frozen=True, slots=True)
class Price:
    """Picodollars per token, by the size of the prompt: `(start, price)` pairs; the last start below the prompt decides."""

    tiers: tuple[tuple[int, Decimal], ...]

    def at(self, prompt: int) -> Decimal:
        chosen = self.tiers[0][1]
        for start, price in self.tiers[1:]:
            if prompt > start:
                chosen = price
        return chosen


@dataclass(frozen=True, slots=True)
class Rate:
    """The prices of one model. A share of the tokens that has no price of its own costs what its whole costs."""

    input: Price
    output: Price
    cache_read: Price | None = None
    cache_write: Price | None = None
    input_audio: Price | None = None
    output_audio: Price | None = None

    def cost(self, usage: Usage) -> int:
        """Picodollars, rounded up once: a charge is never lost to rounding."""
        at = usage.input
        text_in = usage.input - usage.cached - usage.cache_write - usage.audio_input
        audio_in, cached, written = usage.audio_input, usage.cached, usage.cache_write
        if text_in < 0:  # the shares overlap (cached audio): count them as cached
            audio_in, text_in = max(0, usage.input - cached - written), 0
        total = (
            text_in * self.input.at(at)
            + cached * (self.cache_read or self.input).at(at)
            + written * (self.cache_write or self.input).at(at)
            + audio_in * (self.input_audio or self.input).at(at)
            + (usage.output - usage.audio_output) * self.output.at(at)
            + usage.audio_output * (self.output_audio or self.output).at(at)
        )
        return min(math.ceil(total), MOST_PICO)


NOTHING = Price(((0, Decimal(0)),))


class Prices:
    """Rates by provider and model, looked up once a minute, since some providers' prices follow the hour of the day."""

    def __init__(self, own: Mapping[str, Rate], *, wall: Callable[[], int]) -> None:
        from genai_prices.data_snapshot import get_snapshot  # 0.6 s of import: only who serves pays it

        self._providers = get_snapshot().providers
        self._own = own
        self._wall = wall
        self._now = self._fresh_until = 0
        self._rates = lru_cache(CACHED_RATES)(self._look_up)

    def rate(self, target: Target) -> Rate | None:
        """The rate of a model at a provider; None when nobody knows."""
        self._now = self._wall() // 1_000_000_000
        if self._now >= self._fresh_until:
            self._rates.cache_clear()
            self._fresh_until = self._now + REFRESH_SECONDS
        return self._rates(target.provider.name, target.provider.prices, target.model)

    def models(self, provider: str) -> list[str]:
        """The model ids that the catalogue lists for a provider."""
        from genai_prices.data_snapshot import find_provider_by_id

        found = find_provider_by_id(self._providers, provider)
        return [model.id for model in found.models] if found else []

    def knows(self, provider: str, model: str) -> bool:
        """Whether the catalogue has this model at this provider, under any of its names."""
        return self._find(provider, model) is not None

    def _look_up(self, provider: str, listed_as: str, model: str) -> Rate | None:
        if own := self._own.get(f"{provider}/{model}") or self._own.get(model):
            return own
        found = self._find(listed_as, model)
        if found is None:
            return None
        prices = found.get_prices(datetime.fromtimestamp(self._now, UTC))
        units = {unit: _price(getattr(prices, f"{unit}_mtok")) for unit in _UNITS}
        if units["input"] is None:
            return None
        units["output"] = units["output"] or NOTHING  # embeddings have no price for what they do not have
        return Rate(**{unit: price for unit, price in units.items() if price is not None})

    def _find(self, provider: str, model: str) -> ModelInfo | None:
        from genai_prices.data_snapshot import DataSnapshot

        catalogue = DataSnapshot(
            self._providers, from_auto_update=False
        )  # one that is kept remembers every name for good
        owners = (None, USUAL_OWNER) if provider == ANY_PROVIDER else (provider,)
        for owner in owners:
            with suppress(LookupError):
                return catalogue.find_provider_model(model, None, owner, None)[1]
        return None


def own_rate(usd_per_million: Mapping[str, float]) -> Rate:
    """A rate from the operator's figures in USD per million tokens, keyed like the fields of `Rate`."""
    return Rate(**{unit: Price(((0, _per_token(Decimal(str(usd)))),)) for unit, usd in usd_per_million.items()})


def _price(listed: Any) -> Price | None:
    if listed is None:
        return None
    if isinstance(listed, Decimal):
        return Price(((0, _per_token(listed)),))
    return Price(((0, _per_token(listed.base)), *((tier.start, _per_token(tier.price)) for tier in listed.tiers)))


def _per_token(usd_per_million: Decimal) -> Decimal:
    return usd_per_million * PICO_PER_USD / 1_000_000
