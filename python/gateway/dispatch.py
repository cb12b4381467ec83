"""From a plan to an answer: one loop over attempts, each of them one try at one step."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

from gateway.cache.flight import Flight
from gateway.cache.memo import Memo
from gateway.chat.answer import Answer
from gateway.chat.call import Call
from gateway.chat.names import bounded, clean
from gateway.errors import GatewayError, UpstreamError, UpstreamRefused, UpstreamUnreachable
from gateway.ledger.entry import Entry
from gateway.ledger.settle import Settlement
from gateway.native import Reading
from gateway.policy.route import Step
from gateway.providers.base import Decoder
from gateway.upstream.pool import Upstream
from gateway.upstream.relay import refusal, relay
from gateway.upstream.unstreamed import Unstreamed

log = logging.getLogger(__name__)

_CALLERS = frozenset({400, 413, 415, 422})
"""Statuses that blame the request: it would fare no better at the next step."""
_CODE = re.compile(r"[\w.-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done for one call: the steps to try, in order, and for whom."""

    steps: tuple[Step, ...]
    call: Call
    request: Reading
    entry: Entry
    memo: Memo


class Attempt:
    """One try at one step of a plan: reserves, sends, decodes into the flight, and settles what was used."""

    def __init__(self, plan: Plan, step: Step, flight: Flight, upstream: Upstream, settlement: Settlement) -> None:
        self._plan, self._target, self._flight = plan, step.target, flight
        self._upstream, self._settlement = upstream, settlement
        self._scanner = plan.call.format.scanner(plan.request, stream=flight.stream)

    async def make(self) -> None:
        """Returns once the flight has the whole answer; raises an `UpstreamError` otherwise. What was used is settled."""
        plan, target = self._plan, self._target
        provider, entry = target.provider, plan.entry
        entry.row.provider, entry.row.target = bounded(provider.name), bounded(target.model)
        outgoing = provider.dialect.encode(plan.request, target)
        outgoing.stream = self._flight.stream
        entry.sent(self._settlement.reserve(target, plan.request))
        free = False
        try:
            async with await self._upstream.send(provider, outgoing, plan.call.hops) as exchange:
                if exchange.status != 200:
                    free = True
                    raise await refusal(exchange, provider)
                await relay(exchange, provider, self._decoder(), self._scanner, self._flight)
        except UpstreamUnreachable:
            free = True
            raise
        finally:
            if outgoing.sent and not free:
                await self._settle()
        self._keep()

    def _decoder(self) -> Decoder:
        plan = self._plan
        decoder = self._target.provider.dialect.decoder(plan.request)
        return Unstreamed(decoder, plan.call.format.replay) if self._flight.stream else decoder

    async def _settle(self) -> None:
        plan = self._plan
        self._flight.source = await self._settlement.settle(
            plan.entry, self._target, plan.call.format, plan.request, self._scanner
        )

    def _keep(self) -> None:
        """Keeps the answer, if there is room for it and it ended as it should."""
        plan, flight = self._plan, self._flight
        transcript = flight.transcript()
        if transcript and flight.source is not None:
            flight.answer = Answer(transcript, plan.call.format, flight.source, stream=flight.stream)
            if self._scanner.keepable:
                plan.memo.keep(flight.answer)

    def log(self, error: UpstreamError) -> None:
        """Says for the operator what went wrong where: never what was asked or answered."""
        row = self._plan.entry.row
        log.warning(
            "call %s of key %s: attempt %d, model '%s' at %s, failed: %s",
            row.id,
            row.key_id,
            row.attempts,
            clean(row.target),
            row.provider,
            _cause(error),
        )


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Carries plans out."""

    upstream: Upstream
    settlement: Settlement

    def launch(self, plan: Plan, flight: Flight) -> Flight:
        """Starts the flight that carries out a plan."""
        flight.launch(self._fly(plan, flight))
        return flight

    async def _fly(self, plan: Plan, flight: Flight) -> None:
        """Owns the flight: whatever happens, it ends and its entry is settled."""
        try:
            await self._attempt(plan, flight)
            flight.end()
        except GatewayError as error:
            flight.fail(error)
        except Exception:
            log.exception("the flight of call %s failed", plan.entry.row.id)
            flight.fail(GatewayError())
        finally:
            plan.entry.settled()

    async def _attempt(self, plan: Plan, flight: Flight) -> None:
        """Tries one step after the other until one answers. The last failure stands, and so does one that clients have seen
        the beginning of, or that is the caller's own."""
        steps = iter(plan.steps)
        step = next(steps, None)
        while step is not None:
            attempt = Attempt(plan, step, flight, self.upstream, self.settlement)
            try:
                return await attempt.make()
            except UpstreamError as error:
                attempt.log(error)
                step = next(steps, None)
                if step is None or flight.showing or error.status in _CALLERS:
                    raise
                flight.restart()


def _cause(error: UpstreamError) -> str:
    """A failure in words that hold nothing of the call: a provider's own words may quote it."""
    code = error.code if error.code and _CODE.fullmatch(error.code) else error.type
    if isinstance(error, UpstreamRefused):
        return f"answered with status {error.answered}, {code if _CODE.fullmatch(code) else 'an unusual code'}"
    because = error.__cause__
    return f"{code}: {error.message}" + (f" ({because})" if isinstance(because, OSError) and str(because) else "")
