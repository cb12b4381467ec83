"""What a provider says it counted, normalised: every token is counted once."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from gateway.chat.money import PICO_PER_USD, to_pico

# xAI reports its own cost in ticks of 1e-10 USD (recorded 2026-02: 1721250 ticks = 172.125 µUSD).
PICO_PER_TICK = PICO_PER_USD // 10**10
# More than any call can have: a provider's nonsense must not overflow the ledger's 64-bit integers, nor their sums.
MOST_TOKENS = 10**9
MOST_USD = 10_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer. `input` includes the cached ones, `output` the reasoning; the rest are shares of these two."""

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0
    cost_pico: int | None = None
    """The provider's own figure, in picodollars, where it reports one."""
    counted: bool = False
    """True when we counted the tokens because the provider did not say."""

    @classmethod
    def from_openai(cls, raw: bytes) -> Usage | None:
        """Reads an OpenAI-shaped `usage` object; None when it says nothing, or nothing that can be believed. Never raises.

        `completion_tokens` leaves out what was only thought at xAI (12 + 2 of 354) and at Gemini's compatible
        endpoint (35 + 12 of 109), so what `total_tokens` has beyond the prompt is the output wherever it is more.
        """
        fields = _object(raw)
        prompt, completion = _count(fields, "prompt_tokens"), _count(fields, "completion_tokens")
        if prompt is None and completion is None:
            return None
        if _nonsense(fields, "prompt_tokens") or _nonsense(fields, "completion_tokens"):
            return None
        into, out = _details(fields, "prompt_tokens_details"), _details(fields, "completion_tokens_details")
        input_ = prompt or 0
        output = max(completion or 0, (_count(fields, "total_tokens") or 0) - input_)
        hits = _count(into, "cached_tokens")
        cached = min(input_, (_count(fields, "prompt_cache_hit_tokens") or 0) if hits is None else hits)
        return cls(
            input=input_,
            output=output,
            cached=cached,
            cache_write=min(input_ - cached, _count(into, "cache_write_tokens") or 0),
            reasoning=min(output, _count(out, "reasoning_tokens") or 0),
            audio_input=min(input_, _count(into, "audio_tokens") or 0),
            audio_output=min(output, _count(out, "audio_tokens") or 0),
            cost_pico=_reported_cost(fields),
        )


def _object(raw: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _details(fields: dict[str, Any], name: str) -> dict[str, Any]:
    details = fields.get(name)
    return details if isinstance(details, dict) else {}


def _count(fields: dict[str, Any], name: str, most: int = MOST_TOKENS) -> int | None:
    """A count, or None where there is none that can be believed; a zero is a zero."""
    value = fields.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most else None


def _nonsense(fields: dict[str, Any], name: str) -> bool:
    """Whether a count is there that cannot be believed."""
    return fields.get(name) is not None and _count(fields, name) is None


def _reported_cost(fields: dict[str, Any]) -> int | None:
    ticks = _count(fields, "cost_in_usd_ticks", MOST_USD * 10**10)
    if ticks is not None:
        return ticks * PICO_PER_TICK
    cost = fields.get("cost")
    if isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost <= MOST_USD:
        return to_pico(Decimal(str(cost)))
    return None
