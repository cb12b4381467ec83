"""What is known of a request, or under way for it: kept answers, and identical calls in flight."""

from __future__ import annotations

from gateway.cache.exact import Exact
from gateway.cache.flight import Flight
from gateway.cache.flights import Flights
from gateway.cache.terms import NO_CACHE, Terms
from gateway.chat.answer import Answer
from gateway.chat.call import Call
from gateway.errors import Untranslatable
from gateway.native import Reading


class Memory:
    """Everything that can spare a call its provider. Not `enabled`, it keeps nothing and nobody shares a call in flight.

    Answers to requests that sample (`temperature` not 0) are left out unless `sampled`.
    """

    def __init__(self, exact: Exact, flights: Flights, *, enabled: bool, sampled: bool) -> None:
        self.exact, self.flights = exact, flights
        self._enabled, self._sampled = enabled, sampled

    def recall(self, call: Call, request: Reading, tenant: str) -> Memo:
        """What is known of this request within its tenant; raises `InvalidRequest` for terms that make no sense."""
        terms = Terms.of(call.cache_control, request.cache)
        if not self._enabled or not (self._sampled or request.temperature == 0):
            terms = NO_CACHE
        key = request.key(call.format.name.encode(), tenant.encode(), terms.namespace.encode())
        return Memo(self, key, terms, stream=request.stream)


class Memo:
    """What is known of one request: a kept `answer`, else the `flight` of an identical call.

    An answer can be told in the shape that was asked for; a flight may be in the other one until `reshaped` was awaited.
    """

    __slots__ = ("_key", "_memory", "_stream", "_terms", "answer", "flight")

    def __init__(self, memory: Memory, key: bytes, terms: Terms, *, stream: bool) -> None:
        self._memory, self._key, self._terms, self._stream = memory, key, terms, stream
        kept = memory.exact.get(key, terms)
        self.answer = None if kept is None else self._tellable(kept)
        self.flight = memory.flights.find(key) if terms.read and self.answer is None else None

    @property
    def status(self) -> str:
        """How the call fares, as `x-gateway-cache` says it: `hit`, `coalesced`, `miss` or `bypass`."""
        if self.answer is not None:
            return "hit"
        if self.flight is not None:
            return "coalesced"
        return "miss" if self._terms.read else "bypass"

    async def reshaped(self) -> Answer | None:
        """The answer of an identical call in flight that asked for the other shape, once it is complete.

        None where there is no such call, or its answer cannot be told in this shape; raises what that call fails with.
        """
        flight = self.flight
        if flight is None or flight.stream == self._stream:
            return None
        with flight.cursor() as cursor:
            async for _ in cursor:
                pass
        if flight.answer is not None and (answer := self._tellable(flight.answer)):
            return answer
        found = self._memory.flights.find(self._key)
        self.flight = found if found is not None and found.stream == self._stream else None
        return None

    def open(self) -> Flight:
        """A new flight, which others may join if this caller's terms let them."""
        terms = self._terms
        key = self._key if terms.read else None
        return self._memory.flights.open(key, stream=self._stream, keeps=terms.read or terms.store)

    def keep(self, answer: Answer) -> None:
        """Keeps a complete answer for the next time, if the caller's terms and its size let it be kept."""
        self._memory.exact.put(self._key, self._terms, answer)

    def _tellable(self, answer: Answer) -> Answer | None:
        try:
            answer.told(stream=self._stream)
        except Untranslatable:
            return None
        return answer
