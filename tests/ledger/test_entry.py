"""The record of one call: closed once, however the call ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from gateway.chat.usage import Usage
from gateway.errors import (
    AuthenticationFailed,
    GatewayError,
    RateLimited,
    ShuttingDown,
    UpstreamInterrupted,
    UpstreamRefused,
)
from gateway.ledger.entry import Entry
from gateway.ledger.row import Row, interrupted, values


class Book:
    """What was written down."""

    ending = False

    def __init__(self) -> None:
        self.opens: list[Row] = []
        self.rows: list[Row] = []

    def opened(self, row: Row, cost_pico: int | None) -> None:
        self.opens.append(Row(*interrupted(row, cost_pico)))

    def closed(self, entry: Entry) -> None:
        self.rows.append(Row(*values(entry.row)))


@pytest.fixture
def book() -> Book:
    return Book()


def entry(book: Book) -> Entry:
    return Entry(book, Row("req_1", 1, "chat"), 0)


REFUSED = UpstreamRefused(400, "no", fields={"code": "c" * 9_000_000}, headers={})


@pytest.mark.parametrize(
    ("error", "outcome", "status", "code"),
    [
        (None, "ok", 200, ""),
        (AuthenticationFailed(), "refused", 401, "invalid_api_key"),
        (RateLimited(), "refused", 429, "rate_limit_exceeded"),
        (UpstreamInterrupted(), "failed", 502, "upstream_interrupted"),
        (REFUSED, "failed", 400, "c" * 256),
        (ShuttingDown(), "interrupted", 503, "shutting_down"),
        (GatewayError(), "failed", 500, "internal_error"),
        (ZeroDivisionError(), "failed", 500, "internal_error"),
        (asyncio.CancelledError(), "hung_up", 499, "client_closed_request"),
        (GeneratorExit(), "hung_up", 499, "client_closed_request"),
        (ConnectionResetError(), "hung_up", 499, "client_closed_request"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_how_a_call_ends_is_its_outcome(
    book: Book, error: BaseException | None, outcome: str, status: int, code: str
) -> None:
    with suppress(BaseException), entry(book):
        if error is not None:
            raise error

    (row,) = book.rows
    assert (row.outcome, row.status, row.error) == (outcome, status, code)


@pytest.mark.parametrize("error", [asyncio.CancelledError(), GeneratorExit()])
def test_a_call_that_a_shutdown_cancels_did_not_hang_up(book: Book, error: BaseException) -> None:
    with suppress(BaseException), entry(book) as call:
        call.use(Usage(input=3), 40, "catalogue")
        book.ending = True
        raise error

    (row,) = book.rows
    assert (row.outcome, row.status, row.error, row.cost_pico) == ("interrupted", 503, "shutting_down", 40)


def test_while_it_is_in_flight_the_entry_stays_open(book: Book) -> None:
    open_entry = entry(book)
    with open_entry:
        open_entry.sent(100)
    assert book.rows == []

    open_entry.settled()

    assert len(book.rows) == 1


def test_when_the_flight_is_settled_first_the_client_closes_it(book: Book) -> None:
    open_entry = entry(book)
    with open_entry:
        open_entry.sent(100)
        open_entry.settled()
        assert book.rows == []
    assert len(book.rows) == 1


def test_each_attempt_is_written_down_with_what_the_call_may_cost_in_all(book: Book) -> None:
    call = entry(book)
    call.sent(100)
    call.use(Usage(input=3), 40, "catalogue")
    call.sent(100)
    call.use(Usage(input=3), None, "unknown")
    call.sent(100)

    assert [(row.attempts, row.cost_pico, row.cost_source) for row in book.opens] == [
        (1, 100, "estimated"),
        (2, 140, "estimated"),
        (3, None, "unknown"),
    ]
    assert {row.outcome for row in book.opens} == {"interrupted"}


@pytest.mark.parametrize(
    ("sources", "source"),
    [
        (("catalogue", "provider"), "provider"),
        (("estimated", "catalogue"), "estimated"),
        (("catalogue", "estimated"), "estimated"),
    ],
)
def test_what_attempts_use_adds_up_and_the_vaguest_source_is_named(
    book: Book, sources: tuple[str, str], source: str
) -> None:
    call = entry(book)
    for number, origin in enumerate(sources):
        call.use(Usage(input=1, output=2, cached=1, cache_write=0, reasoning=number), 10, origin)

    row = call.row
    assert (row.input_tokens, row.output_tokens, row.cached_tokens, row.reasoning_tokens) == (2, 4, 2, 1)
    assert (row.cost_pico, row.cost_source) == (20, source)


def test_an_answer_without_a_proper_finish_is_partial_unless_the_call_ended_otherwise(book: Book) -> None:
    with entry(book) as ends_so:
        ends_so.ended(partial=True)
    with entry(book) as again:
        again.ended(partial=True)
        again.sent(1)
        again.ended(partial=False)
        again.settled()
    with suppress(UpstreamInterrupted), entry(book) as fails:
        fails.ended(partial=True)
        raise UpstreamInterrupted

    assert [(row.outcome, row.partial) for row in book.rows] == [("partial", True), ("ok", False), ("failed", True)]
