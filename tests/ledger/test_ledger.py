"""The worker's ledger."""

from __future__ import annotations

import itertools
from typing import Any

import orjson
import pytest

from gateway.api.formats.chat import Chat
from gateway.chat.call import Call
from gateway.errors import AuthenticationFailed, LedgerFull
from gateway.ledger.ledger import Ledger
from gateway.ledger.row import COLUMNS


class Journal:
    """Keeps what it is told, in order."""

    def __init__(self) -> None:
        self.full = False
        self.told: list[tuple[str, str, dict[str, Any]]] = []

    def opened(self, id: str, record: bytes) -> None:
        self.told.append(("opened", id, dict(zip(COLUMNS, orjson.loads(record), strict=True))))

    def closed(self, id: str, record: bytes) -> None:
        self.told.append(("closed", id, dict(zip(COLUMNS, orjson.loads(record), strict=True))))


def ledger() -> tuple[Ledger, Journal]:
    journal = Journal()
    ticks = itertools.count(step=2_000_000)
    return Ledger(journal, wall=lambda: 42, clock=lambda: next(ticks)), journal  # type: ignore[arg-type]


def call() -> Call:
    return Call("req_1", "mine", Chat(), "", "", None, None)  # type: ignore[arg-type]


def test_a_call_that_ends_is_closed_with_its_time() -> None:
    books, journal = ledger()
    with books.open(call()) as entry:
        entry.row.key_id = "k"

    ((kind, id, row),) = journal.told
    assert (kind, id) == ("closed", "req_1")
    assert (row["request_id"], row["started_ns"], row["endpoint"], row["duration_us"]) == ("mine", 42, "chat", 2_000)


def test_a_call_without_a_key_has_no_row() -> None:
    books, journal = ledger()
    with pytest.raises(AuthenticationFailed), books.open(call()):
        raise AuthenticationFailed

    assert journal.told == []


def test_what_stands_if_a_call_never_ends_is_journaled_first() -> None:
    books, journal = ledger()
    with books.open(call()) as entry:
        entry.row.key_id = "k"
        books.opened(entry.row, 7)

    assert [kind for kind, _, _ in journal.told] == ["opened", "closed"]


def test_a_call_that_cannot_be_accounted_for_is_not_opened() -> None:
    books, journal = ledger()
    journal.full = True

    with pytest.raises(LedgerFull):
        books.open(call())
