"""The worker's ledger: opens entries, and writes what becomes of them to the journal."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from gateway.chat.call import Call
from gateway.errors import LedgerFull
from gateway.ledger.entry import Entry
from gateway.ledger.journal import Journal
from gateway.ledger.row import COLUMNS


class Ledger:
    """Every call's entry. A closed one is in the journal before its client sees the end of the answer.

    `wall` and `clock` give nanoseconds: since the epoch, and of a clock that never steps back.
    """

    def __init__(self, journal: Journal, *, wall: Callable[[], int], clock: Callable[[], int]) -> None:
        self._journal, self._wall, self._clock = journal, wall, clock
        self.strangers = 0
        """Calls that were refused for want of a valid key: they have nobody to belong to, and no row."""

    def open(self, call: Call) -> Entry:
        """The entry of a call; raises `LedgerFull` while calls cannot be accounted for."""
        if self._journal.full:
            raise LedgerFull
        return Entry(self, call.id, call.endpoint, self._wall(), self._clock())

    def sent(self, entry: Entry, reserved_pico: int | None) -> None:
        """Journals that a call is about to be paid for; closed as `interrupted` at `reserved_pico` if we die before it ends."""
        entry.attempts += 1
        entry.airborne = True
        row = dict(zip(COLUMNS, (*entry.row(), entry.id), strict=True))
        row |= {"outcome": "interrupted", "status": 0, "error": "interrupted", "partial": True, "duration_us": 0}
        row |= {"cost_pico": reserved_pico, "cost_source": "unknown" if reserved_pico is None else "estimated"}
        self._journal.opened(entry.id, orjson.dumps(list(row.values())))

    def elapsed_us(self, entry: Entry) -> int:
        """Microseconds since the entry was opened."""
        return (self._clock() - entry.opened_ns) // 1000

    def close(self, entry: Entry) -> None:
        """Journals the finished entry; a call without a key is only counted."""
        if not entry.key_id:
            self.strangers += 1
            return
        entry.duration_us = self.elapsed_us(entry)
        self._journal.closed(entry.id, orjson.dumps((*entry.row(), entry.id)))
