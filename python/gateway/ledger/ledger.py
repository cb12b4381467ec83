"""The ledger's front: opens entries, journals them, and moves closed ones to the store in batches."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol

import orjson

from gateway.chat.call import Call
from gateway.ledger.entry import COLUMNS, Entry
from gateway.ledger.wal import Journal, Segment

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.2
RETRY_SECONDS = 5.0
BATCH = 5_000
NICENESS = 10

Row = tuple[Any, ...]


class Store(Protocol):
    """Where rows end up. Writing a row twice is the same as writing it once; a closed row wins over an interrupted one."""

    def write(self, rows: list[Row]) -> None: ...
    def close(self) -> None: ...


def _stand_back() -> None:
    """Lets the loop go first where both want the same core: measured, a third off the p99 of a hit."""
    with suppress(OSError):  # Linux alone has a niceness for each thread
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


class Ledger:
    """Every call's entry, on its way from memory over the journal to the store.

    A closed entry is in the journal before its client sees the end of the answer; the store follows within
    `FLUSH_SECONDS`, and as long as it fails the rows wait in memory and in the journal.
    """

    def __init__(self, journal: Journal, store: Store, *, wall: Callable[[], int], clock: Callable[[], int]) -> None:
        self._journal, self._store = journal, store
        self._wall, self._clock = wall, clock
        self._closed: list[tuple[Row, Segment, Segment | None]] = []
        self._thread = ThreadPoolExecutor(1, "ledger", initializer=_stand_back)
        self._timer: asyncio.TimerHandle | None = None
        self._flushing = asyncio.Lock()
        self.observers: list[Callable[[Sequence[Row]], None]] = []
        self.healthy = True
        self.strangers = 0

    def open(self, call: Call) -> Entry:
        return Entry(self, call.id, call.endpoint, self._wall(), self._clock())

    def sent(self, entry: Entry, reserved_pico: int | None) -> None:
        """Journals that a call is about to be paid for; closed as `interrupted` at `reserved_pico` if we die before it ends."""
        entry.attempts += 1
        entry.airborne = True
        if entry.opened_in is None:
            row = dict(zip(COLUMNS, entry.row(), strict=True))
            row |= {
                "outcome": "interrupted",
                "status": 0,
                "error": "interrupted",
                "partial": True,
                "duration_us": 0,
            }
            row |= {
                "cost_pico": reserved_pico,
                "cost_source": "unknown" if reserved_pico is None else "estimated",
            }
            entry.opened_in = self._journal.append(b"o" + orjson.dumps(list(row.values())))

    def elapsed_us(self, entry: Entry) -> int:
        """Microseconds since the entry was opened."""
        return (self._clock() - entry.opened_ns) // 1000

    def close(self, entry: Entry) -> None:
        """Journals the finished entry and hands its row to the batch writer; a call without a key is only counted."""
        if not entry.key_id:
            self.strangers += 1
            return
        entry.duration_us = self.elapsed_us(entry)
        row = entry.row()
        segment = self._journal.append(b"c" + orjson.dumps(row))
        self._closed.append((row, segment, entry.opened_in))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush_soon)

    def recover(self) -> int:
        """Brings what an earlier process left in the journal into the store; returns how many calls were interrupted."""
        opened: dict[str, Row] = {}
        closed: dict[str, Row] = {}
        for record in self._journal.recover():
            row = tuple(orjson.loads(record[1:]))
            (closed if record[:1] == b"c" else opened)[row[0]] = row
        interrupted = [row for id, row in opened.items() if id not in closed]
        self._store.write([*closed.values(), *interrupted])
        self._journal.forget()
        return len(interrupted)

    async def flush(self) -> None:
        """Writes all that is closed to the store; raises what the store raises, with the rows kept for the next time."""
        async with self._flushing:
            while batch := self._closed[:BATCH]:
                rows = [row for row, _, _ in batch]
                await asyncio.get_running_loop().run_in_executor(self._thread, self._store.write, rows)
                del self._closed[: len(batch)]
                self._written(batch)
                for observe in self.observers:
                    observe(rows)
            self._journal.trim()
            self.healthy = True

    async def settle_down(self) -> None:
        """Flushes for a reader; a failing store is not the reader's trouble."""
        with suppress(Exception):
            await self.flush()

    @property
    def backlog(self) -> int:
        """Closed entries that the store does not have yet."""
        return len(self._closed)

    async def close_down(self) -> None:
        """Flushes for the last time. What the store refuses stays in the journal for the next start."""
        if self._timer is not None:
            self._timer.cancel()
        try:
            await self.flush()
        except Exception:
            log.exception("the ledger store failed at shutdown; %d rows stay in the journal", len(self._closed))
        self._thread.shutdown()
        self._journal.close()
        self._store.close()

    def _written(self, batch: list[tuple[Row, Segment, Segment | None]]) -> None:
        for _, segment, opened_in in batch:
            segment.pending -= 1
            if opened_in is not None:
                opened_in.pending -= 1

    def _flush_soon(self) -> None:
        self._flush_task = asyncio.ensure_future(self._flush_and_rearm())

    async def _flush_and_rearm(self) -> None:
        self._timer = None
        try:
            await self.flush()
        except Exception:
            if self.healthy:
                log.exception(
                    "the ledger store failed; rows wait in the journal and are retried every %ss",
                    RETRY_SECONDS,
                )
            self.healthy = False
            self._timer = asyncio.get_running_loop().call_later(RETRY_SECONDS, self._flush_soon)
