"""The record of one call: opened when it arrives, closed however it ends."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from gateway.chat.usage import Usage
from gateway.errors import GatewayError, UpstreamError

if TYPE_CHECKING:
    from gateway.ledger.ledger import Ledger

COLUMNS = (
    "id",
    "started_ns",
    "endpoint",
    "key_id",
    "model",
    "provider",
    "target",
    "stream",
    "outcome",
    "status",
    "error",
    "cache",
    "attempts",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_pico",
    "cost_source",
    "saved_pico",
    "saved_by",
    "partial",
    "first_byte_us",
    "duration_us",
)
NAME_LIMIT = 256


class Quota(Protocol):
    """A rate limit as response headers show it."""

    @property
    def limit(self) -> int: ...
    @property
    def remaining(self) -> int: ...
    @property
    def reset_seconds(self) -> float: ...


class Entry:
    """What the ledger will say of one call. A `with` over it ends in `ok`, `refused`, `failed` or `hung_up`.

    The entry of a call that went upstream is closed when both the client and the provider are done with it: until then
    `airborne` is set, and the flight that clears it closes what the client has left behind.
    """

    __slots__ = (*COLUMNS, "_ledger", "airborne", "left", "opened_in", "opened_ns", "quota", "upstream_us")

    id: str
    started_ns: int
    endpoint: str
    key_id: str
    model: str
    provider: str
    target: str
    stream: bool
    outcome: str
    status: int
    error: str
    cache: str
    attempts: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_pico: int | None
    cost_source: str
    saved_pico: int
    saved_by: str
    partial: bool
    first_byte_us: int
    duration_us: int

    def __init__(self, ledger: Ledger, id: str, endpoint: str, started_ns: int, opened_ns: int) -> None:
        self._ledger = ledger
        self.id = id
        self.started_ns, self.opened_ns = started_ns, opened_ns
        self.endpoint = endpoint
        self.key_id = self.model = self.provider = self.target = self.error = self.saved_by = ""
        self.outcome, self.status, self.cache = "ok", 200, ""
        self.stream = self.partial = False
        self.attempts = self.input_tokens = self.output_tokens = self.cached_tokens = 0
        self.cache_write_tokens = self.reasoning_tokens = self.saved_pico = 0
        self.cost_pico, self.cost_source = 0, "none"
        self.first_byte_us = self.duration_us = 0
        self.airborne = self.left = False
        self.opened_in: Any = None
        self.quota: Quota | None = None
        self.upstream_us = 0

    def __enter__(self) -> Entry:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.blame(error)
        self.left = True
        if not self.airborne:
            self._ledger.close(self)

    def blame(self, error: BaseException) -> None:
        """Takes the outcome from what ended the call."""
        if isinstance(error, GatewayError):
            self.outcome = "failed" if isinstance(error, UpstreamError) or error.status >= 500 else "refused"
            self.status, self.error = error.status, error.code or error.type
        elif isinstance(error, asyncio.CancelledError | GeneratorExit):
            self.outcome, self.status, self.error, self.partial = (
                "hung_up",
                499,
                "client_closed_request",
                True,
            )
        else:
            self.outcome, self.status, self.error = "failed", 500, "internal_error"

    def land(self) -> None:
        """The flight that this entry pays for is over; closes the entry if its client has gone already."""
        self.airborne = False
        if self.left:
            self._ledger.close(self)

    def use(self, usage: Usage, cost_pico: int | None, source: str) -> None:
        """Books what one attempt consumed; attempts add up."""
        self.input_tokens += usage.input
        self.output_tokens += usage.output
        self.cached_tokens += usage.cached
        self.cache_write_tokens += usage.cache_write
        self.reasoning_tokens += usage.reasoning
        self.cost_pico = None if cost_pico is None or self.cost_pico is None else self.cost_pico + cost_pico
        self.cost_source = source

    def save(self, pico: int, cause: str) -> None:
        """Books what the call would have cost, had it not been served by `cause`."""
        self.saved_pico, self.saved_by = pico, cause

    def row(self) -> tuple[Any, ...]:
        """The values of COLUMNS, in their order."""
        return (
            self.id,
            self.started_ns,
            self.endpoint,
            self.key_id,
            self.model[:NAME_LIMIT],
            self.provider,
            self.target[:NAME_LIMIT],
            self.stream,
            self.outcome,
            self.status,
            self.error,
            self.cache,
            self.attempts,
            self.input_tokens,
            self.output_tokens,
            self.cached_tokens,
            self.cache_write_tokens,
            self.reasoning_tokens,
            self.cost_pico,
            self.cost_source,
            self.saved_pico,
            self.saved_by,
            self.partial,
            self.first_byte_us,
            self.duration_us,
        )
