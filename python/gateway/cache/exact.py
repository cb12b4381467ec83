"""The exact cache: the same call again is answered from memory, in either shape."""

from __future__ import annotations

from collections.abc import Callable

from gateway.cache.terms import Terms
from gateway.chat.answer import Answer
from gateway.native import ExactCache

SECOND = 1_000_000_000
OVERHEAD = 512
"""Bytes that an answer weighs beside its body: the record, its names and usage."""


class Exact:
    """Complete answers by the key of their request: for how long, and up to what size.

    Both shapes of an answer are accounted for when it is kept, so making the other one later stays within the bound.
    """

    def __init__(self, *, capacity: int, ttl: float, largest: int, clock: Callable[[], int]) -> None:
        self._cache = ExactCache(capacity)
        self._ttl, self._largest = ttl, largest
        self._clock = clock

    def get(self, key: bytes, terms: Terms) -> Answer | None:
        """The answer kept under `key`, unless the caller wants none or a younger one."""
        if not terms.read:
            return None
        now = self._clock()
        answer: Answer | None = self._cache.get(key, now)
        if answer is None:
            return None
        if terms.max_age is not None and now - answer.kept_at > terms.max_age * SECOND:
            return None
        return answer

    def put(self, key: bytes, terms: Terms, answer: Answer) -> bool:
        """Keeps an answer; False when the caller forbids it or it is too large."""
        ttl = self._ttl if terms.ttl is None else terms.ttl
        if not terms.store or answer.size > self._largest or ttl <= 0:
            return False
        answer.kept_at = self._clock()
        return self._cache.put(key, answer, 2 * answer.size + OVERHEAD, answer.kept_at + int(ttl * SECOND))

    @property
    def weight(self) -> int:
        """Bytes held."""
        return self._cache.weight

    def __len__(self) -> int:
        return len(self._cache)
