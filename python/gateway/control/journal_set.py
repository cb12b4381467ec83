"""One set of the journal as the controller reads it: the segments of one worker's life."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from gateway.control.rows import rows_of
from gateway.control.store.base import Position, Values
from gateway.ledger.journal import LOCK
from gateway.ledger.segment import BEGINNING, Found, Reader, path_of

log = logging.getLogger(__name__)

MOST_DAMAGED = 16
"""Damaged segments that are kept for somebody to look at."""
START = Position(0, 0)


@dataclass(slots=True)
class Batch:
    """The rows of closed calls, the rows that stand for opened ones if they are never closed, and the position behind."""

    closed: list[Values]
    opened: list[Values]
    end: Position


class JournalSet:
    """A folder of segments, read from any position on. `look` first: what came later is not seen."""

    def __init__(self, folder: Path, *, aside: Path) -> None:
        """Damaged segments are moved to the folder `aside`."""
        self.folder, self._aside = folder, aside
        self.abandoned = False
        """Whether the worker has gone, so nothing more will come."""
        self._lock: int | None = None
        self._numbers: list[int] = []
        self._readers: dict[int, Reader] = {}
        self._damaged: set[int] = set()
        self._doubts: dict[Position, int] = {}
        self._looks = 0

    def look(self) -> None:
        """Notices new segments, and whether the worker has gone."""
        self._looks += 1
        self.abandoned = self.abandoned or self._ends()
        names = (entry.name.partition(".journal") for entry in os.scandir(self.folder))
        self._numbers = sorted(int(stem) for stem, suffix, rest in names if suffix and not rest and stem.isdecimal())
        for number in self._readers.keys() - set(self._numbers):
            self._readers.pop(number).close()

    def read(self, cursor: Position, until: Position | None = None) -> Batch | None:
        """What follows `cursor`, not beyond `until`; None where nothing does yet. A batch may be empty but for its end."""
        number = next((number for number in self._numbers if number >= cursor.segment), None)
        if number is None or (until is not None and cursor >= until) or (reader := self._reader(number)) is None:
            return None
        here = Position(number, max(BEGINNING, cursor.offset if number == cursor.segment else 0))
        if until is not None and number >= until.segment:
            return _reread(reader, here, until)
        found = reader.read(here.offset)
        if not found and (finished := self._finished(number)):
            found = reader.read(here.offset)
        return _batch(number, found) if found else self._step_over(reader, here, finished)

    def discard(self, before: int) -> int:
        """Removes the segments with lower numbers and says how many there were; those with damage are set aside."""
        lower = [number for number in self._numbers if number < before]
        for number in lower:
            self._numbers.remove(number)
            if reader := self._readers.pop(number, None):
                reader.close()
            if number in self._damaged:
                self._set_aside(path_of(self.folder, number))
            else:
                path_of(self.folder, number).unlink(missing_ok=True)
        return len(lower)

    def remove(self) -> None:
        """Removes the whole set."""
        self.discard(before=1 << 62)
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _ends(self) -> bool:
        """Whether the worker's lock is free, which is how its death shows."""
        try:
            if self._lock is None:
                self._lock = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _reader(self, number: int) -> Reader | None:
        """None for a segment that was made ahead of need and taken back."""
        if number not in self._readers:
            try:
                self._readers[number] = Reader(path_of(self.folder, number))
            except FileNotFoundError:
                return None
        return self._readers[number]

    def _finished(self, number: int) -> bool:
        """Whether nothing more will be written to a segment."""
        if self.abandoned:
            return True
        later = [self._reader(later) for later in self._numbers if later > number]
        return any(reader is not None and reader.begun for reader in later)

    def _step_over(self, reader: Reader, here: Position, finished: bool) -> Batch | None:
        """Goes past what is no record: the end of a finished segment, or damage.

        In a segment that is still written, a record may be on its way: it is damaged if it still is at the next look.
        """
        blank = reader.blank(here.offset)
        if not finished and (blank or self._doubts.setdefault(here, self._looks) == self._looks):
            return None
        beyond = reader.beyond(here.offset)
        if beyond is None and not finished:
            return None
        if beyond is not None or not blank or (reader.begun and not reader.ours):
            self._note_damage(reader.path, here)
        self._doubts.pop(here, None)
        if beyond is not None:
            return Batch([], [], Position(here.segment, beyond))
        later = next((later for later in self._numbers if later > here.segment), None)
        return None if later is None else Batch([], [], Position(later, BEGINNING))

    def _note_damage(self, path: Path, here: Position) -> None:
        if here.segment not in self._damaged:
            self._damaged.add(here.segment)
            log.error("journal segment %s is damaged at byte %d: it will be set aside", path, here.offset)

    def _set_aside(self, path: Path) -> None:
        """Keeps a damaged segment, unless there are too many already."""
        self._aside.mkdir(mode=0o700, exist_ok=True)
        if len(os.listdir(self._aside)) < MOST_DAMAGED:
            path.replace(self._aside / f"{self.folder.name}-{path.name}")
        else:
            path.unlink(missing_ok=True)


class OldSegments(JournalSet):
    """The segments that llm-gateway 0.1.0 left: they lie in the journal's folder itself, and nobody writes to them."""

    def remove(self) -> None:
        self.discard(before=1 << 62)
        self.close()

    def _ends(self) -> bool:
        return True


def _reread(reader: Reader, here: Position, until: Position) -> Batch:
    """What another cursor has read before, up to where it stands."""
    if found := reader.read(here.offset, until.offset):
        return _batch(here.segment, found)
    beyond = reader.beyond(here.offset)
    return Batch([], [], until if beyond is None else min(until, Position(here.segment, beyond)))


def _batch(number: int, found: Found) -> Batch:
    closed, opened = rows_of(found.closed, found.version), rows_of(found.opened, found.version)
    return Batch(closed, opened, Position(number, found.end))
