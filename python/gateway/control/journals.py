"""The controller's end of the journal: follows every worker's set, counts what it says, and moves it to the store.

Two cursors go through each set. `counted` is where metrics stand; it waits for nothing. `stored` is where the store stands,
and is kept in the store itself, in the transaction that adds the rows, so a row is stored exactly once. While the store
fails, rows stay in the files and are read again later; only their sums are held in memory, once a report has asked.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway.control.backlog import Backlog, Tally, within
from gateway.control.journal_set import START, Batch, JournalSet, OldSegments
from gateway.control.store.base import FINISHED, Group, Position, Progress, Span, Store, Sums, Values, regrouped
from gateway.errors import StoreUnavailable
from gateway.ledger.journal import UNFINISHED

log = logging.getLogger(__name__)

LONGEST_PAUSE = 1.0
SHORTEST_PAUSE = 0.1
UNFINISHED_SECONDS = 60.0
"""How long a set may be without a worker's lock: making one takes a millisecond."""
_ASIDE = "damaged"

Observer = Callable[[Sequence[Values]], object]


@dataclass(slots=True)
class Followed:
    """A set, how far it is counted and stored, and the rows of its open calls, by id, at the counted position."""

    name: str
    set: JournalSet
    counted: Position = START
    stored: Position = START
    open: dict[str, Values] = field(default_factory=dict)
    waiting: int = 0
    """Rows between the cursors."""
    ended: bool = False
    """Whether the open calls of a worker that has gone are counted as interrupted."""

    def note(self, batch: Batch) -> None:
        self.open.update((row[0], row) for row in batch.opened)
        if self.open:
            for row in batch.closed:
                self.open.pop(row[0], None)
        self.counted = batch.end


class Journals:
    """Follows all sets below a folder. Every method may be called from any thread."""

    def __init__(self, folder: Path, store: Store, observe: Observer, *, clock: Callable[[], float]) -> None:
        """`observe` is given the rows of ended calls, once each. Raises `StoreUnavailable`."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._store, self._observe, self._clock = folder, store, observe, clock
        self._known = store.positions()
        self._sets: dict[str, Followed] = {}
        self._old = next(folder.glob("*.journal"), None) is not None
        self._reading = threading.RLock()
        self._writing = threading.Lock()
        self._backlog = Backlog()
        self._unfinished: dict[Path, float] = {}
        self._pause = 0.0
        self._retry_at = 0.0
        self._removals = 0
        self.trouble: str | None = None
        """Why the store takes no rows; None while it does."""

    @property
    def backlog(self) -> int:
        """Ended calls that the store does not have yet."""
        return sum(each.waiting for each in list(self._sets.values()))

    @property
    def living(self) -> bool:
        """Whether some worker still writes."""
        with self._reading:
            self._look()
            return not all(each.set.abandoned for each in self._sets.values())

    def count(self) -> None:
        """Has every call observed that has ended before this was called."""
        with self._reading:
            self._look()
            for each in self._sets.values():
                while (batch := each.set.read(each.counted)) is not None:
                    self._count(each, batch)
                self._end(each)

    def drain(self) -> None:
        """Counts and stores every call that has ended before this was called, as far as the store takes them."""
        with self._writing:
            if self._clock() >= self._retry_at:
                self._drain()
        self.count()

    def aggregate(self, span: Span, groupings: Sequence[Sequence[str]]) -> list[dict[Group, Sums]]:
        """What the store's `aggregate` gives, and what is counted but not stored yet. Raises `StoreUnavailable`."""
        while True:
            removals = self._removals
            sums, positions = self._store.aggregate(span, groupings)
            for found in self._unstored(span, positions, removals):
                for into, grouping in zip(sums, groupings, strict=True):
                    for group, each in regrouped(found, grouping).items():
                        into.setdefault(group, Sums()).add(each)
            if removals == self._removals:
                return sums
            # Some of what those positions leave to the journals is now only in the store.

    def close(self) -> None:
        with self._reading:
            for each in self._sets.values():
                each.set.close()
            self._sets.clear()

    def _unstored(self, span: Span, positions: Mapping[str, Position], removals: int) -> Iterator[Mapping[Group, Sums]]:
        """The sums of what lies behind `positions` and is counted by now, or of some of it, if something is removed meanwhile.

        There may be a gigabyte of it, so others wait for the lock while one batch is read at most.
        """
        with self._reading:
            sets = [
                (each, each.counted, list(each.open.values()) if each.ended else []) for each in self._sets.values()
            ]
        self._backlog.forget({each.name for each, *_ in sets}, positions)
        for each, until, interrupted in sets:
            at = positions.get(each.name, START) if each.name else until
            while at < until:
                if known := self._backlog.find(each.name, at, span):
                    yield known.sums
                    at = known.end
                    continue
                with self._reading:
                    batch = each.set.read(at, until) if removals == self._removals else None
                if batch is None:
                    break
                yield within(batch.closed, span)
                if batch.end < until:
                    self._backlog.keep(each.name, at, Tally.of(batch.closed, batch.end))
                at = batch.end
            if interrupted and at != FINISHED:
                yield within(interrupted, span)

    def _look(self) -> None:
        """Finds new sets, and new segments in all."""
        if self._old:
            self._old = False
            self._sets[""] = Followed("", OldSegments(self._folder, aside=self._folder / _ASIDE))
        unfinished = []
        for path in self._folder.iterdir():
            name = path.name
            if name in self._sets or name == _ASIDE or not path.is_dir():
                continue
            if name.startswith(UNFINISHED):
                unfinished.append(path)
            else:
                self._sets[name] = self._follow(path)
        self._clear_away(unfinished)
        for each in list(self._sets.values()):
            try:
                each.set.look()
            except FileNotFoundError:
                log.error("the journal set %s is gone, with what was not stored of it", each.set.folder)
                each.set.close()
                del self._sets[each.name]

    def _clear_away(self, unfinished: Sequence[Path]) -> None:
        """Removes sets whose workers died before they had them ready."""
        now = self._clock()
        self._unfinished = {path: self._unfinished.get(path, now) for path in unfinished}
        for path, since in self._unfinished.items():
            if now - since > UNFINISHED_SECONDS:
                shutil.rmtree(path, ignore_errors=True)

    def _follow(self, folder: Path) -> Followed:
        """Takes a set up where the store stands, with the calls that were open there."""
        each = Followed(folder.name, JournalSet(folder, aside=self._folder / _ASIDE))
        each.stored = self._known.pop(folder.name, START)
        each.set.look()
        each.set.discard(before=each.stored.segment)
        each.counted = Position(each.stored.segment, 0)
        while (batch := each.set.read(each.counted, each.stored)) is not None:
            each.note(batch)
        each.counted = max(each.counted, each.stored)
        return each

    def _drain(self) -> None:
        with self._reading:
            self._look()
        if all(self._drained(each) for each in list(self._sets.values())):
            for name in list(self._known):  # sets that are gone
                if self._stored([], Progress(name, None)):
                    del self._known[name]

    def _count(self, each: Followed, batch: Batch) -> None:
        each.note(batch)
        each.waiting += len(batch.closed)
        self._tell(each, batch.closed)

    def _end(self, each: Followed) -> None:
        """Counts the calls that a worker left open."""
        if each.set.abandoned and not each.ended and each.counted != FINISHED:
            each.ended = True
            self._tell(each, list(each.open.values()))

    def _tell(self, each: Followed, rows: Sequence[Values]) -> None:
        """Old segments hold calls of another life of the gateway, many of them long counted."""
        try:
            if rows and each.name:
                self._observe(rows)
        except Exception:
            log.exception("%d rows of the ledger were not counted in the metrics", len(rows))

    def _drained(self, each: Followed) -> bool:
        """Moves what a set has to the store, and removes what is done with. False when the store refused it."""
        while True:
            with self._reading:
                behind = each.stored < each.counted
                batch = each.set.read(each.stored, each.counted if behind else None)
                if batch is not None and not behind:
                    self._count(each, batch)
            if batch is None:
                break
            if not self._stored(batch.closed, self._progress(each, batch.end)):
                return False
            with self._reading:
                each.stored = batch.end
                each.waiting -= len(batch.closed)
                self._removals += each.set.discard(before=batch.end.segment)
        return not each.set.abandoned or self._closed(each)

    def _closed(self, each: Followed) -> bool:
        """Stores the open calls of a worker that has gone, and removes its set."""
        with self._reading:
            self._end(each)
            interrupted = list(each.open.values())
        if each.stored != FINISHED:
            if not self._stored(interrupted, self._progress(each, FINISHED)):
                return False
            if interrupted:
                log.warning(
                    "%d calls were interrupted; they are in the ledger at their reserved cost", len(interrupted)
                )
        with self._reading:
            each.stored = each.counted = FINISHED
            each.set.remove()
            self._removals += 1
            del self._sets[each.name]
        return each.name == "" or self._stored([], Progress(each.name, None))

    @staticmethod
    def _progress(each: Followed, position: Position) -> Progress | None:
        """Old segments may hold rows that the store has, and no position of them is kept."""
        return Progress(each.name, position) if each.name else None

    def _stored(self, rows: Sequence[Values], progress: Progress | None) -> bool:
        try:
            self._write(rows, progress)
        except Exception as error:
            self._fail(error)
            return False
        if self.trouble is not None:
            log.warning("the ledger's store takes rows again")
        self.trouble, self._pause, self._retry_at = None, 0.0, 0.0
        return True

    def _write(self, rows: Sequence[Values], progress: Progress | None) -> None:
        """Writes rows, without those that the store can never take."""
        try:
            self._store.write(rows, progress)
        except ValueError:
            for row in rows:
                try:
                    self._store.write([row], None)
                except ValueError as error:
                    log.error("a row of the ledger cannot be stored and is left out (%s): %.200r", error, row)
            self._store.write([], progress)

    def _fail(self, error: Exception) -> None:
        if self.trouble is None:
            known = isinstance(error, StoreUnavailable)
            log.error("rows wait in the journal: %s", error, exc_info=None if known else error)
        self.trouble = str(error)
        self._pause = min(LONGEST_PAUSE, max(SHORTEST_PAUSE, 2 * self._pause))
        self._retry_at = self._clock() + self._pause
