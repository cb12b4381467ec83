"""What is counted and not stored yet, in sum: while the store fails, a report does not read all of it again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gateway.control.store.base import FOREVER, Group, Position, Span, Sums, Values, rolled_up
from gateway.ledger.row import COLUMNS

_STARTED = COLUMNS.index("started_ns")
MOST_GROUPS = 1_000
"""Sums of one batch that are kept. One that has more, because clients make names up, is read again each time."""


def within(rows: Sequence[Values], span: Span) -> Mapping[Group, Sums]:
    """The sums of those rows that started in a span."""
    return rolled_up(row for row in rows if span.start <= row[_STARTED] < span.end)


@dataclass(frozen=True, slots=True)
class Tally:
    """The sums of one batch of a journal, when its calls started, and the position behind it."""

    sums: Mapping[Group, Sums]
    started: Span
    end: Position

    @classmethod
    def of(cls, rows: Sequence[Values], end: Position) -> Tally:
        started = [row[_STARTED] for row in rows]
        return cls(rolled_up(rows), Span(min(started, default=FOREVER), max(started, default=-1)), end)


class Backlog:
    """The tallies of batches, by set and by the position where they begin."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, Position], Tally] = {}

    def find(self, name: str, at: Position, span: Span) -> Tally | None:
        """The tally of the batch that begins there, if it is known and all of its calls started in the span."""
        tally = self._tallies.get((name, at))
        whole = tally is not None and span.start <= tally.started.start and tally.started.end < span.end
        return tally if whole else None

    def keep(self, name: str, at: Position, tally: Tally) -> None:
        if len(tally.sums) <= MOST_GROUPS:
            self._tallies[name, at] = tally

    def forget(self, names: Collection[str], positions: Mapping[str, Position]) -> None:
        """Drops the sets that are not among `names`, and what the store has by now."""
        self._tallies = {
            (name, at): tally
            for (name, at), tally in list(self._tallies.items())
            if name in names and at >= positions.get(name, at)
        }
