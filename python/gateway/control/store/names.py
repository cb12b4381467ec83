"""Which models have sums of their own. Clients choose the names that they ask for, so somebody must bound them."""

from __future__ import annotations

import sqlite3

from gateway.control.store.base import OTHER

MOST_NAMES = 256
"""Models of one key in one hour, or in one day, that are told apart."""
_KEPT = 8
"""Periods whose names are in memory."""
_NAMES = "SELECT DISTINCT key_id, model FROM rollups WHERE hours = ? AND period = ?"


class Names:
    """The first `MOST_NAMES` models of each key in each period; later ones count as `OTHER`. A key takes no other key's place.

    Invariant: the calls of one model, key and period are all counted under its name or all under `OTHER`, so they can be
    taken back.
    """

    def __init__(self) -> None:
        self._periods: dict[tuple[int, int], dict[str, set[str]]] = {}

    def bounded(self, db: sqlite3.Connection, period: tuple[int, int], key_id: str, model: str) -> str:
        """The name to count a model under. A period is its length in hours, and its number."""
        names = self._of(db, period).setdefault(key_id, set())
        if model not in names:
            if len(names) >= MOST_NAMES:
                return OTHER
            names.add(model)
        return model

    def _of(self, db: sqlite3.Connection, period: tuple[int, int]) -> dict[str, set[str]]:
        found = self._periods.pop(period, None)
        if found is None:
            if len(self._periods) >= _KEPT:
                del self._periods[next(iter(self._periods))]
            found = {}
            for key_id, model in db.execute(_NAMES, period):
                found.setdefault(key_id, set()).add(model)
        self._periods[period] = found  # the last one is the one used last
        return found
