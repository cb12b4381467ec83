"""The record of one call: opened when it arrives, closed however it ends."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Protocol

from gateway.chat.names import bounded
from gateway.chat.usage import Usage
from gateway.errors import GatewayError, ShuttingDown, UpstreamError
from gateway.ledger.row import Row


class Book(Protocol):
    """Where entries are written down. `ending` is set once the gateway's shutdown cuts calls off."""

    ending: bool

    def opened(self, row: Row, cost_pico: int | None) -> None:
        """Notes that a call may cost so much, which stands if it is never closed; None where nobody knows."""

    def closed(self, entry: Entry) -> None:
        """Notes the finished row."""


class Quota(Protocol):
    """A rate limit as response headers show it."""

    @property
    def limit(self) -> int: ...
    @property
    def remaining(self) -> int: ...
    @property
    def reset_seconds(self) -> float: ...


class Upstream(Protocol):
    """What a call waits for."""

    @property
    def waited_us(self) -> int:
        """Microseconds from the request to the latest network read."""


class Entry:
    """The open record of one call, whose `row` the ledger will keep. A `with` over it closes it, however the call ends.

    The entry of a call that went upstream is closed when both the client and the provider are done with it: while it is
    `in_flight`, leaving the `with` only says how the client fared, and `settled` closes it.
    """

    __slots__ = ("_book", "_left", "in_flight", "opened_ns", "quota", "row", "upstream")

    def __init__(self, book: Book, row: Row, opened_ns: int) -> None:
        self._book, self.row, self.opened_ns = book, row, opened_ns
        self.in_flight = self._left = False
        self.quota: Quota | None = None
        self.upstream: Upstream | None = None

    def __enter__(self) -> Entry:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.blame(error)
        self._left = True
        if not self.in_flight:
            self._book.closed(self)

    def sent(self, reserved_pico: int | None) -> None:
        """Notes, in the journal too, that an attempt begins which may cost so much, beside what earlier ones did."""
        row = self.row
        row.attempts += 1
        if not self._left:
            row.outcome, row.partial = "ok", False
        self.in_flight = True
        spent = row.cost_pico
        self._book.opened(row, None if spent is None or reserved_pico is None else spent + reserved_pico)

    def use(self, usage: Usage, cost_pico: int | None, source: str) -> None:
        """Books what one attempt consumed; attempts add up."""
        row = self.row
        row.input_tokens += usage.input
        row.output_tokens += usage.output
        row.cached_tokens += usage.cached
        row.cache_write_tokens += usage.cache_write
        row.reasoning_tokens += usage.reasoning
        if cost_pico is None or row.cost_pico is None:
            row.cost_pico, row.cost_source = None, "unknown"
        else:
            row.cost_pico += cost_pico
            row.cost_source = "estimated" if row.cost_source == "estimated" else source

    def ended(self, *, partial: bool) -> None:
        """Notes how an answer ended, unless the call has ended otherwise."""
        row = self.row
        row.partial = row.partial or partial
        if partial and row.outcome == "ok":
            row.outcome = "partial"

    def settled(self) -> None:
        """The flight that this entry pays for is over; closes the entry if its client has gone already."""
        self.in_flight = False
        if self._left:
            self._book.closed(self)

    def blame(self, error: BaseException) -> None:
        """Takes the outcome from what ended the call."""
        row = self.row
        cancelled = isinstance(error, asyncio.CancelledError | GeneratorExit | ConnectionError)
        if isinstance(error, ShuttingDown) or (cancelled and self._book.ending):
            row.outcome, row.status, row.error, row.partial = "interrupted", 503, "shutting_down", True
        elif isinstance(error, GatewayError):
            row.outcome = "failed" if isinstance(error, UpstreamError) or error.status >= 500 else "refused"
            row.status, row.error = error.status, bounded(error.code or error.type)
        elif cancelled:
            row.outcome, row.status, row.error, row.partial = "hung_up", 499, "client_closed_request", True
        else:
            row.outcome, row.status, row.error = "failed", 500, "internal_error"
