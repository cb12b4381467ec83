"""What a call cost, and what the gateway spared its caller."""

from __future__ import annotations

from typing import Protocol

from gateway.chat.usage import Usage
from gateway.ledger.entry import Entry
from gateway.ledger.prices import Prices
from gateway.native import Reading, Scanner, Tokenizer
from gateway.providers.base import Target

_SHOWN_AS = {"exact": "hit"}
BYTES_PER_TOKEN = 4
UNSTATED_OUTPUT = 4_096
"""Output tokens that a reservation assumes where the caller sets no maximum."""
LARGEST_OUTPUT = 1_000_000
"""Output tokens beyond which a caller's maximum says nothing: no model writes more in one answer."""
LARGEST_CHOICES = 4_096
"""Answers to one request beyond which a caller's `n` says nothing: no provider gives more."""

COUNTED_BYTES = 64 << 10
"""Bytes of each side's text that are counted where a provider gave no usage: the event loop waits for it."""


class Priced(Protocol):
    """An answer that was paid for once."""

    provider: str
    model: str
    cost_pico: int | None


class Settlement:
    """Turns usage into money: the provider's own figure, else counted by the catalogue, else by our own count of tokens."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices

    def reserve(self, target: Target, request: Reading) -> int | None:
        """Picodollars that a call may cost, roughly; None when the price is unknown."""
        rate = self._prices.rate(target)
        if rate is None:
            return None
        output = min(request.max_tokens or UNSTATED_OUTPUT, LARGEST_OUTPUT) * min(request.n, LARGEST_CHOICES)
        return rate.cost(Usage(input=len(request.body) // BYTES_PER_TOKEN, output=output))

    def settle(self, entry: Entry, target: Target, request: Reading, scanner: Scanner) -> Usage:
        """Books what an answer used, as far as it came."""
        usage = Usage.from_openai(scanner.usage) if scanner.usage else None
        if usage is None:
            usage = _counted(target.model, request, scanner)
        if usage.cost_pico is not None:
            entry.use(usage, usage.cost_pico, "provider")
        elif rate := self._prices.rate(target):
            entry.use(usage, rate.cost(usage), "estimated" if usage.counted else "catalogue")
        else:
            entry.use(usage, None, "unknown")
        entry.partial = not scanner.complete
        return usage

    def save(self, entry: Entry, answer: Priced, cause: str) -> None:
        """Books a call that was answered without a provider: free, and worth what the answer cost."""
        entry.cache = _SHOWN_AS.get(cause, cause)
        entry.provider, entry.target = answer.provider, answer.model
        entry.save(answer.cost_pico or 0, cause)


def _counted(model: str, request: Reading, scanner: Scanner) -> Usage:
    """Our own count: exact up to `COUNTED_BYTES` a side, beyond that in proportion to what was counted."""
    tokenizer = Tokenizer.for_model(model).within(COUNTED_BYTES)
    return Usage(input=tokenizer.count_chat(request.body), output=tokenizer.count(scanner.generated), counted=True)
