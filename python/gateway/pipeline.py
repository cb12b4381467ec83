"""The route of one call, from its first byte to its ledger row. Start reading here.

One path for every call: a whole answer is a stream of one chunk. What must be undone is a `with`, so finished, failed and
hung up are three ways to leave the same block.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from gateway.cache.flight import Flight
from gateway.cache.memo import Memo, Memory
from gateway.chat.call import Call
from gateway.dispatch import Dispatch, Plan
from gateway.ledger.entry import Entry
from gateway.ledger.ledger import Ledger
from gateway.ledger.settle import Settlement
from gateway.native import Reading
from gateway.policy.allowance import Allowances
from gateway.policy.keys import Keyring
from gateway.policy.route import Router


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Every part that a call meets, in the order in which it meets them."""

    ledger: Ledger
    keys: Keyring
    allowances: Allowances
    memory: Memory
    router: Router
    dispatch: Dispatch
    settlement: Settlement

    async def answer(self, call: Call, entry: Entry) -> AsyncGenerator[bytes]:
        """Yields the answer: whole SSE events without the last, or one body; `entry` tells which, and how it came about.

        Raises a `GatewayError`, before the first chunk or after it. When the generator ends, the entry is in the journal.
        """
        with entry:
            key = self.keys.authenticate(call.credential)
            row = entry.row
            row.key_id = key.id
            request = await call.request()
            row.model, row.stream = request.model, request.stream
            key.permit(request.model)
            with self.allowances.admit(key) as admission:
                entry.quota = admission.quota
                frame = call.format.frame(request)
                memo = self.memory.recall(call, request, key.tenant)
                row.cache = memo.status
                if answer := memo.answer or await memo.reshaped():
                    self.settlement.credit(entry, answer.source)
                    if shown := frame(answer.rendered(stream=request.stream)):
                        yield shown
                    return
                flight = memo.flight or self._send(call, request, entry, memo)
                with flight.cursor(frame) as cursor:
                    async for shown in cursor:
                        yield shown
                if memo.flight and flight.source:
                    self.settlement.credit(entry, flight.source)

    def _send(self, call: Call, request: Reading, entry: Entry, memo: Memo) -> Flight:
        """Sends the call, in a flight that identical ones may join."""
        plan = Plan(self.router.plan(request.model), call, request, entry, memo)
        entry.row.cache = memo.status
        entry.upstream = flight = memo.open()
        return self.dispatch.launch(plan, flight)
