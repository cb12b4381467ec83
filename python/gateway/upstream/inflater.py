"""Inflating an answer in bounded steps."""

from __future__ import annotations

import zlib

FREELY = 16 << 20
"""Inflated bytes that are given before the ratio counts."""
RATIO = 100
"""Inflated bytes per received byte, beyond which an answer is a bomb. JSON and SSE stay below 40."""


class InflationError(ValueError):
    """What came is not one whole gzip or zlib stream, or inflates beyond reason."""


class Inflater:
    """A gzip or zlib stream: `add` takes what came, `step` gives a bounded piece of what it inflates to.

    Invariant: it holds what was added and not yet inflated, never what it inflates to.
    """

    __slots__ = ("_given", "_stream", "_tail", "_taken", "pending")

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._tail = b""
        self._taken = self._given = 0
        self.pending = False
        """Whether another step may give something before more is added."""

    def __len__(self) -> int:
        """Bytes held."""
        return len(self._tail)

    def add(self, data: bytes) -> None:
        self._tail = self._tail + data if self._tail else data
        self._taken += len(data)
        self.pending = True

    def step(self, most: int) -> bytes:
        """At most `most` inflated bytes; may be empty. Raises `InflationError`."""
        try:
            data = self._stream.decompress(self._tail, most)
        except zlib.error as error:
            raise InflationError("not a gzip or zlib stream") from error
        self._tail = self._stream.unconsumed_tail
        self.pending = bool(self._tail) or len(data) == most
        self._given += len(data)
        if self._given > max(FREELY, RATIO * self._taken):
            raise InflationError("it inflates beyond reason")
        if self._stream.unused_data:
            raise InflationError("more than one stream")
        return data

    @property
    def ended(self) -> bool:
        """The stream's own end has come."""
        return self._stream.eof
