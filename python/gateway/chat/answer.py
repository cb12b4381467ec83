"""An answer that came whole, and who gave it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.chat.format import Format
from gateway.chat.usage import Usage


@dataclass(frozen=True, slots=True)
class Source:
    """Who gave an answer, and for how much: `cost_pico` is None where nobody knows the price."""

    provider: str
    model: str
    usage: Usage
    cost_pico: int | None
    partial: bool = False
    """Whether it ended without a proper finish."""


class Answer:
    """An answer in the shape it came in; the other one is made when somebody asks for it."""

    __slots__ = ("_body", "_events", "_format", "kept_at", "source", "stream")

    def __init__(self, transcript: bytes, format: Format, source: Source, *, stream: bool) -> None:
        self._events = transcript if stream else None
        self._body = None if stream else transcript
        self._format, self.source, self.stream = format, source, stream
        self.kept_at = 0

    @property
    def size(self) -> int:
        """Bytes of the shapes that exist."""
        return len(self._body or b"") + len(self._events or b"")

    def rendered(self, *, stream: bool) -> bytes:
        """The answer as events without `[DONE]`, or as one body; raises `Untranslatable` if that form cannot express it."""
        if stream:
            if self._events is None:
                self._events = self._format.replay(self._body or b"")
            return self._events
        if self._body is None:
            self._body = self._format.assemble(self._events or b"")
        return self._body
