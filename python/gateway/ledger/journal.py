"""The write-ahead journal: what a worker says of its calls, in mapped files that survive it and that the controller reads.

A worker has a *set* of its own: a folder `<journal>/<name>/` of numbered segments and a file `lock`, which it holds as long as
it lives. The controller follows the set, removes the segments it has taken into the store, and, once the lock is free, closes
the calls that are still open.

Invariant: every segment begins with the records of the calls that were open when it was begun, so a segment can be understood
without those before it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

from gateway.ledger.segment import CLOSED, HEAD, LARGEST, OPENED, SIZE, Writer
from gateway.ledger.supply import Supply

log = logging.getLogger(__name__)

LIMIT = 1 << 30
SPOOL = 64 << 20
LOCK = "lock"
UNFINISHED = "."
"""What the name of a set begins with until its worker has locked it."""


class Journal:
    """The worker's writing end. A record is written when `opened` or `closed` returns, without a system call as long as the
    next segment is ready when it is needed; else the caller waits for it, a quarter of a second at most.

    When the disk is full or slower than that, or segments of `limit` bytes wait to be read, closed calls wait in memory, about
    `spool` bytes of them at most, and are written as soon as there is room; calls go on meanwhile. All methods belong to one
    thread.
    """

    def __init__(
        self,
        folder: Path,
        *,
        soon: Callable[[Callable[[], None]], object],
        limit: int = LIMIT,
        spool: int = SPOOL,
        segment: int = SIZE,
    ) -> None:
        """`soon` runs a callable in the thread that writes, such as a loop's `call_soon_threadsafe`."""
        self.folder, self._lock = _claim(folder)
        self._open: dict[str, bytes] = {}
        self._spool: deque[bytes] = deque()
        self._spooled, self._bound = 0, spool
        self._segment: Writer | None = None
        self._was_full = False
        self._supply = Supply(self.folder, size=segment, limit=limit, arrived=lambda: soon(self._go_on))
        self._supply.start()
        self._go_on()

    @property
    def full(self) -> bool:
        """Whether new calls should be refused, since as many closed ones wait in memory as may."""
        return self._spooled >= self._bound

    @property
    def trouble(self) -> str | None:
        """What is wrong with the journal, in a few words for the operator; None while all is well."""
        if self.full:
            return "no room for another segment, nor in memory for the calls that wait for one"
        return self._supply.trouble and f"no room for another segment: {self._supply.trouble}"

    @property
    def waiting(self) -> int:
        """Closed calls that are only in memory."""
        return len(self._spool)

    def opened(self, id: str, record: bytes) -> None:
        """Writes the row that stands if the call is never closed; of several the last one counts."""
        if len(record) > LARGEST:
            raise _too_large(record)
        self._open[id] = _cut(record)
        if self._segment is None or not self._segment.append(OPENED, record):
            self._stop_short()

    def closed(self, id: str, record: bytes) -> None:
        """Writes the row of a call that has ended."""
        if len(record) > LARGEST:
            raise _too_large(record)
        self._open.pop(id, None)
        if self._segment is None or not self._segment.append(CLOSED, record):
            self._spool.append(_cut(record))
            self._spooled += len(record)
            self._stop_short()

    def close(self) -> None:
        """Writes what still waits, as far as there is room, and leaves the set to the controller."""
        self._supply.stop()
        if self._spool:
            self._supply.want(self._needed())
            self._supply.provide()
            self._go_on()
        if self._spool:
            log.error("%d closed calls could not be written to the journal and are lost", len(self._spool))
        if self._segment is not None:
            self._supply.retire(self._segment)
            self._segment = None
        self._supply.close()
        self._lock.close()

    def _stop_short(self) -> None:
        """The segment has no room for the next record: what comes now goes to the next one."""
        if self._segment is not None:
            self._supply.retire(self._segment)
            self._segment = None
        self._go_on()
        while self._segment is None and self._supply.trouble is None and self._supply.wait(self._needed()):
            self._go_on()

    def _go_on(self) -> None:
        """Begins the next segment, if one is needed and there, with what is open and what waits."""
        while self._segment is None and self._supply.ready:
            segment = self._supply.take(self._needed())
            if segment is None:
                break
            segment.begin()
            for record in self._open.values():
                segment.append(OPENED, record)
            while self._spool and segment.append(CLOSED, self._spool[0]):
                self._spooled -= len(self._spool.popleft())
            if self._spool:
                self._supply.retire(segment)
            else:
                self._segment = segment
        self._say_whether_full()

    def _needed(self) -> int:
        """Bytes that the next segment must have for this to go on: what is open, as much again, and one closed call."""
        opened = sum(map(len, self._open.values())) + len(self._open) * HEAD.size
        return 2 * opened + (len(self._spool[0]) + HEAD.size if self._spool else 0)

    def _say_whether_full(self) -> None:
        if self.full and not self._was_full:
            log.error("%d closed calls wait in memory, which is as many as may: new calls are refused", self.waiting)
        elif self._was_full and not self.full:
            log.warning("calls are taken again; %d closed ones still wait in memory", self.waiting)
        self._was_full = self.full


def _cut(record: bytes) -> bytes:
    """A copy of a record that is held for long: what orjson returns occupies 4 KiB or more."""
    return bytes(memoryview(record))


def _too_large(record: bytes) -> ValueError:
    return ValueError(f"A journal record of {len(record)} bytes is larger than {LARGEST}.")


def _claim(folder: Path) -> tuple[Path, IO[str]]:
    """A new set, and the open file that holds its lock."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = Path(tempfile.mkdtemp(prefix=f"{UNFINISHED}{os.getpid()}-", dir=folder))
    lock = (made / LOCK).open("w")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return made.rename(folder / made.name.removeprefix(UNFINISHED)), lock
