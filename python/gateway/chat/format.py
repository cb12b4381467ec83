"""What the route needs to know of an inbound wire format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gateway.errors import GatewayError
from gateway.native import Canon, Reading, Scanner, Tokenizer

COUNTED_BYTES = 64 << 10
"""Bytes of text that are counted where a provider gave no usage; the rest is taken in proportion."""
KEPT_TEXT = 16 << 10
"""Bytes of an answer's text that are kept to be counted, in case its provider gives no usage."""


class Format(Protocol):
    """One inbound wire format: what the bytes of a call ask for, and what its answer looks like.

    Inside, an answer is what providers send: one JSON body, or whole SSE events without `[DONE]`.
    """

    @property
    def name(self) -> str:
        """The endpoint, as the ledger, metrics and cache keys call it."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Where clients find it."""

    @property
    def end(self) -> bytes:
        """What ends a stream that is complete."""

    def read(self, canon: Canon, body: bytes) -> Reading:
        """What a request body asks for; raises `InvalidRequest`."""

    def scanner(self, request: Reading, *, stream: bool) -> Scanner:
        """Reads one answer of a provider."""

    def frame(self, request: Reading) -> Callable[[bytes], bytes]:
        """Makes of each piece of the answer what this client is to see; empty where it sees nothing."""

    def error(self, error: GatewayError, *, stream: bool) -> bytes:
        """An error as a body, or as the last event of a stream."""

    def assemble(self, events: bytes) -> bytes:
        """The body that says what finished events say; raises `Untranslatable`."""

    def replay(self, body: bytes) -> bytes:
        """The events that say what a body says; raises `Untranslatable`."""

    def count_input(self, request: Reading, tokenizer: Tokenizer) -> int:
        """Tokens of the prompt, where the provider does not say."""
