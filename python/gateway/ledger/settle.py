"""What a call cost, and what the gateway spared its caller."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from gateway.chat.answer import Source
from gateway.chat.format import COUNTED_BYTES, Format
from gateway.chat.usage import Usage
from gateway.ledger.entry import Entry
from gateway.ledger.prices import Prices
from gateway.native import Reading, Scanner, Tokenizer, encoding_for
from gateway.providers.base import Target

_CAUSES = {"hit": "exact"}
"""What saved the cost, where it is not called what `x-gateway-cache` calls it."""
BYTES_PER_TOKEN = 4
UNSTATED_OUTPUT = 4_096
"""Output tokens that a reservation assumes where the caller sets no maximum."""
LARGEST_OUTPUT = 1_000_000
"""Output tokens beyond which a caller's maximum says nothing: no model writes more in one answer."""
LARGEST_CHOICES = 4_096
"""Answers to one request beyond which a caller's `n` says nothing: no provider gives more."""
COUNTED_IN_PLACE = 4 << 10
"""Bytes of both sides up to which counting takes well under a millisecond, so the event loop does it itself."""


class Settlement:
    """Turns usage into money: the provider's own figure, else counted by the catalogue, else by our own count of tokens."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._counting = asyncio.Lock()
        self._loaded: set[str] = set()

    def reserve(self, target: Target, request: Reading) -> int | None:
        """Picodollars that a call may cost, roughly; None when the price is unknown."""
        rate = self._prices.rate(target)
        if rate is None:
            return None
        output = min(request.max_tokens or UNSTATED_OUTPUT, LARGEST_OUTPUT) * min(request.candidates, LARGEST_CHOICES)
        return rate.cost(Usage(input=len(request.body) // BYTES_PER_TOKEN, output=output))

    async def settle(self, entry: Entry, target: Target, format: Format, request: Reading, scanner: Scanner) -> Source:
        """Books what an attempt used, as far as its answer came.

        Where tokens must be counted, hostile text takes up to 45 ms a side, and the first text of an encoding some 200 ms more,
        since its vocabulary is read then: such counts wait for each other and leave the loop to others. Call it when the
        connection to the provider is closed or given back.
        """
        usage = Usage.from_openai(scanner.usage) if scanner.usage else None
        if usage is None:
            usage = await self._count(target.model, format, request, scanner)
        if usage.cost_pico is not None:
            cost, origin = usage.cost_pico, "provider"
        elif rate := self._prices.rate(target):
            cost, origin = rate.cost(usage), "estimated" if usage.counted else "catalogue"
        else:
            cost, origin = None, "unknown"
        entry.use(usage, cost, origin)
        partial = not scanner.complete
        entry.ended(partial=partial)
        return Source(target.provider.name, target.model, usage, cost, partial=partial)

    def credit(self, entry: Entry, source: Source) -> None:
        """Books a call that was answered without a provider of its own: free, and worth what the answer cost."""
        row = entry.row
        row.provider, row.target = source.provider, source.model
        if source.partial:
            entry.ended(partial=True)
        row.saved_pico, row.saved_by = source.cost_pico or 0, _CAUSES.get(row.cache, row.cache)

    async def _count(self, model: str, format: Format, request: Reading, scanner: Scanner) -> Usage:
        size, encoding = scanner.generated_size, encoding_for(model)
        if encoding in self._loaded and len(request.body) + size <= COUNTED_IN_PLACE:
            return count(model, format, request, scanner)
        counting = asyncio.create_task(self._count_aside(model, format, request, scanner))
        while not counting.done():
            with suppress(asyncio.CancelledError):  # what was used is booked, whoever leaves meanwhile
                await asyncio.shield(counting)
        self._loaded.add(encoding)
        return counting.result()

    async def _count_aside(self, model: str, format: Format, request: Reading, scanner: Scanner) -> Usage:
        async with self._counting:
            return await asyncio.to_thread(count, model, format, request, scanner)


def count(model: str, format: Format, request: Reading, scanner: Scanner) -> Usage:
    """Our own count: exact up to `COUNTED_BYTES` asked and `KEPT_TEXT` answered, beyond that in proportion."""
    tokenizer = Tokenizer.for_model(model).within(COUNTED_BYTES)
    text, size = scanner.generated, scanner.generated_size
    output, kept = tokenizer.count(text), len(text.encode())
    if size > kept > 0:
        output = -(-output * size // kept)
    return Usage(input=format.count_input(request, tokenizer), output=output, counted=True)
