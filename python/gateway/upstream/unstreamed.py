"""Answers that come as one JSON body though a stream was asked for."""

from __future__ import annotations

from collections.abc import Callable

from gateway.errors import Untranslatable
from gateway.providers.base import Decoder

LARGEST = 1 << 20
"""Bytes of such a body: Python reads it, and holds everybody up meanwhile."""
MOST_SPACE = 1 << 10
"""Bytes of white space before it."""


class Unstreamed:
    """A decoder that turns such an answer into the equivalent stream, an error into an event; it leaves a stream alone.

    A body begins with a brace, and no event does. Some providers label either as the other, so their label is not asked.
    """

    def __init__(self, decoder: Decoder, replay: Callable[[bytes], bytes]) -> None:
        self._decoder, self._replay = decoder, replay
        self._held = bytearray()
        self.feed: Callable[[bytes], bytes] = self._first

    def end(self) -> bytes:
        rest = self._decoder.end()
        if not self._held:
            return rest
        body = bytes(self._held) + rest
        try:
            events = self._replay(body)
        except Untranslatable:
            events = b""
        return events or b"data: %b\n\n" % body.replace(b"\r", b" ").replace(b"\n", b" ")

    def _first(self, read: bytes) -> bytes:
        self._held += self._decoder.feed(read)
        start = self._held.lstrip()
        if start.startswith(b"{"):
            self.feed = self._more
        elif start or len(self._held) > MOST_SPACE:
            return self._let_go()
        return b""

    def _more(self, read: bytes) -> bytes:
        self._held += self._decoder.feed(read)
        return self._let_go() if len(self._held) > LARGEST else b""  # for the scanner to refuse

    def _let_go(self) -> bytes:
        data, self._held = bytes(self._held), bytearray()
        self.feed = self._decoder.feed
        return data
