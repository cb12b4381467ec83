"""The worker's ledger: opens entries, and writes what becomes of them to the journal."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from gateway.chat.call import Call
from gateway.errors import LedgerFull
from gateway.ledger.entry import Entry
from gateway.ledger.journal import Journal
from gateway.ledger.row import Row, interrupted, values


class Ledger:
    """Every call's entry. A closed one is in the journal before its client sees the end of the answer.

    `wall` and `clock` give nanoseconds: since the epoch, and of a clock that never steps back.
    """

    def __init__(self, journal: Journal, *, wall: Callable[[], int], clock: Callable[[], int]) -> None:
        self._journal, self._wall, self._clock = journal, wall, clock
        self.ending = False

    def open(self, call: Call) -> Entry:
        """The entry of a call; raises `LedgerFull` while calls cannot be accounted for."""
        if self._journal.full:
            raise LedgerFull
        row = Row(call.id, self._wall(), call.format.name)
        row.request_id = call.request_id
        return Entry(self, row, self._clock())

    def opened(self, row: Row, cost_pico: int | None) -> None:
        """Journals the row that stands if its call is never closed."""
        self._journal.opened(row.id, orjson.dumps(interrupted(row, cost_pico)))

    def closed(self, entry: Entry) -> None:
        """Journals the finished row. A call without a valid key belongs to nobody, and has none."""
        row = entry.row
        if not row.key_id:
            return
        row.duration_us = self.elapsed_us(entry.opened_ns)
        self._journal.closed(row.id, orjson.dumps(values(row)))

    def elapsed_us(self, since_ns: int) -> int:
        """Microseconds since a moment of the clock."""
        return (self._clock() - since_ns) // 1000
