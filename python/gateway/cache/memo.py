"""What is known of a request, or under way for it: kept answers, and identical calls in flight."""

from __future__ import annotations

from gateway.cache.exact import Exact
from gateway.cache.flight import Flight
from gateway.cache.flights import Flights
from gateway.cache.terms import DEFAULT_TERMS, NO_CACHE, Terms
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
        stated = call.cache_control or request.cache is not None
        terms = Terms.of(call.cache_control, request.cache) if stated else DEFAULT_TERMS
        if not self._enabled or not (self._sampled or request.temperature == 0):
            terms = NO_CACHE
        key = request.key(call.format.name.encode(), tenant.encode(), terms.namespace.encode())
        return Memo(self, key, terms, request.stream, joins=call.hops == 0)


class Memo:
    """What is known of one request: a kept `answer`, else the `flight` of an identical call.

    A kept answer can be given in the shape that was asked for; a flight may be in the other one until `reshaped` was awaited.
    A call that came through a gateway joins no flight: it may have come through this one, and would wait for itself.
    """

    __slots__ = ("_joins", "_key", "_memory", "_stream", "_terms", "answer", "flight", "status")

    def __init__(self, memory: Memory, key: bytes, terms: Terms, stream: bool, *, joins: bool = True) -> None:
        self._memory, self._key, self._terms, self._stream = memory, key, terms, stream
        self._joins = joins and terms.read
        self.flight: Flight | None = None
        self.status = "hit"
        """How the call fares, as `x-gateway-cache` says it: `hit`, `coalesced`, `miss` or `bypass`."""
        kept = memory.exact.get(key, terms)
        if kept is None or (kept.stream != stream and not self._renders(kept)):
            kept = None
            self._look_for_a_flight()
        self.answer = kept

    async def reshaped(self) -> Answer | None:
        """The answer of an identical call in flight that asked for the other shape, once it is complete.

        None where there is no such call, or its answer cannot be given in this shape; raises what that call fails with.
        """
        flight = self.flight
        if flight is None or flight.stream == self._stream:
            return None
        with flight.cursor() as cursor:
            async for _ in cursor:
                pass
        if flight.answer is not None and self._renders(flight.answer):
            return flight.answer
        self._look_for_a_flight()
        if self.flight is not None and self.flight.stream != self._stream:
            self.flight, self.status = None, "miss"
        return None

    def open(self) -> Flight:
        """A new flight, which others may join if this caller's terms let them."""
        terms = self._terms
        key = self._key if self._joins else None
        return self._memory.flights.open(key, stream=self._stream, keeps=terms.read or terms.store)

    def keep(self, answer: Answer) -> None:
        """Keeps a complete answer for the next time, if the caller's terms and its size let it be kept."""
        self._memory.exact.put(self._key, self._terms, answer)

    def _look_for_a_flight(self) -> None:
        self.flight = self._memory.flights.find(self._key) if self._joins else None
        self.status = "coalesced" if self.flight is not None else "miss" if self._terms.read else "bypass"

    def _renders(self, answer: Answer) -> bool:
        """Whether an answer can be given in the shape that was asked for."""
        try:
            answer.rendered(stream=self._stream)
        except Untranslatable:
            return False
        return True
