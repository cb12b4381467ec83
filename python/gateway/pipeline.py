"""The route of one call, from its first byte to its ledger row. Start reading here.

One path for every call: a whole answer is a stream of one chunk. What must be undone is a `with`, so that finished, failed
and hung up are three ways to leave the same block.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from gateway.cache.coalesce import Cursor, Flight, Flights
from gateway.cache.exact import Answer, Exact, Terms
from gateway.chat import request as requests
from gateway.chat import shapes
from gateway.chat.call import Call
from gateway.errors import GatewayError, UpstreamError
from gateway.ledger.entry import Entry
from gateway.ledger.ledger import Ledger
from gateway.ledger.settle import Settlement
from gateway.native import Canon, Reading, Scanner, without_usage
from gateway.policy.keys import Keyring
from gateway.policy.limits import Limits
from gateway.policy.route import Router, Step
from gateway.upstream.pool import Upstream
from gateway.upstream.relay import refusal, relay

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a flight needs to know of the call that opened it, and pays for it."""

    request: Reading
    entry: Entry
    terms: Terms
    place: bytes


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Every part that a call meets, in the order in which it meets them."""

    ledger: Ledger
    keys: Keyring
    canon: Canon
    limits: Limits
    exact: Exact
    flights: Flights
    router: Router
    upstream: Upstream
    settlement: Settlement

    async def answer(self, call: Call, entry: Entry) -> AsyncGenerator[bytes]:
        """Yields the answer: whole SSE events without `[DONE]`, or one JSON body; `entry` tells which, and how it came about.

        Raises a `GatewayError`, before the first chunk or after it. When the generator ends, the entry is in the journal.
        """
        with entry:
            key = self.keys.authenticate(call.credential)
            entry.key_id = key.id
            request = requests.read(self.canon, await call.body())
            entry.model, entry.stream = request.model, request.stream
            key.permit(request.model)
            with self.limits.admit(key) as admission:
                entry.quota = admission.quota
                terms = self.exact.terms(request, call.cache_control)
                place = request.key(call.endpoint.encode(), key.tenant.encode(), terms.namespace.encode())
                if kept := self.exact.get(place, terms):
                    self.settlement.save(entry, kept, "exact")
                    yield kept.events(request.include_usage) if request.stream else kept.body()
                    return
                flight = self._board(Ticket(request, entry, terms, place))
                with flight.cursor() as cursor:
                    async for chunk in cursor if flight.whole != request.stream else _reshaped(cursor, request):
                        entry.upstream_us = entry.upstream_us or flight.waited_us
                        if shown := _shown(chunk, request):
                            yield shown
                if entry.cache == "coalesced" and flight.answer:
                    self.settlement.save(entry, flight.answer, "coalesced")

    def _board(self, ticket: Ticket) -> Flight:
        """Joins the identical call in flight, or sends this one."""
        terms, request = ticket.terms, ticket.request
        if terms.read and (flight := self.flights.find(ticket.place)):
            ticket.entry.cache = "coalesced"
            return flight
        plan = self.router.plan(request.model)
        ticket.entry.cache = "miss" if terms.read else "bypass"
        flight = self.flights.open(ticket.place if terms.read else None, whole=not request.stream)
        flight.launch(self._fly(flight, plan, ticket))
        return flight

    async def _fly(self, flight: Flight, plan: tuple[Step, ...], ticket: Ticket) -> None:
        """Owns a flight's upstream call: tries the plan's steps until one answers, keeps the answer, ends the flight."""
        try:
            for step in plan:
                try:
                    await self._attempt(flight, step, ticket)
                    break
                except UpstreamError:
                    if flight.showing or step is plan[-1]:
                        raise
            flight.end()
        except GatewayError as error:
            flight.fail(error)
        except Exception:
            log.exception("the flight of call %s failed", ticket.entry.id)
            flight.fail(GatewayError())
        finally:
            self.flights.close(ticket.place, flight)
            ticket.entry.land()

    async def _attempt(self, flight: Flight, step: Step, ticket: Ticket) -> None:
        """One step: encode, send, decode into the flight, settle what was used, and keep the answer if it is complete."""
        target, request, entry = step.target, ticket.request, ticket.entry
        provider = target.provider
        entry.provider, entry.target = provider.name, target.model
        scanner = Scanner(whole=flight.whole, n=request.n)
        self.ledger.sent(entry, self.settlement.reserve(target, request))
        async with await self.upstream.send(provider, provider.dialect.encode(request, target)) as exchange:
            if exchange.status != 200:
                raise await refusal(exchange, provider)
            try:
                await relay(exchange, provider, provider.dialect.decoder(request), scanner, flight)
            finally:
                usage = self.settlement.settle(entry, target, request, scanner)
        if scanner.keepable and (transcript := flight.transcript()):
            flight.answer = Answer(transcript, flight.whole, provider.name, target.model, usage, entry.cost_pico)
            self.exact.put(ticket.place, ticket.terms, flight.answer)


def _shown(chunk: bytes, request: Reading) -> bytes:
    """A chunk as this client may see it: who did not ask for usage in a stream does not get it."""
    return chunk if request.include_usage or not request.stream else without_usage(chunk)


async def _reshaped(cursor: Cursor, request: Reading) -> AsyncGenerator[bytes]:
    """An answer in the other shape than the one in which it came, once it is complete."""
    answer = b"".join([chunk async for chunk in cursor])
    yield shapes.replay(answer) if request.stream else shapes.assemble(answer)
