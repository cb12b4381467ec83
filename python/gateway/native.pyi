"""The hot core of llm-gateway, usable alone from any Python service."""

from typing import final

__all__ = [
    "Chunk",
    "Events",
    "Scanner",
    "SseError",
    "__version__",
    "without_usage",
]

__version__: str

# sse

class SseError(ValueError):
    """A stream that cannot be read on."""

@final
class Scanner:
    """Reads one provider answer in OpenAI's wire form, network read by network read."""

    def __new__(cls, *, whole: bool = False, max_event: int = 16777216) -> Scanner: ...
    def feed(self, read: bytes, /) -> Chunk:
        """Takes in one network read and returns its whole events."""

    def end(self) -> Chunk:
        """The provider closed the connection."""

    @property
    def text(self) -> str:
        """Visible text so far, refusals included, choice after choice."""

    @property
    def reasoning(self) -> str:
        """Thoughts so far."""

    @property
    def tools(self) -> str:
        """Names and arguments of tool calls so far; empty if there were none."""

    @property
    def generated(self) -> str:
        """Reasoning, text and tool calls so far: what a hang-up is billed from."""

    @property
    def finish(self) -> str | None:
        """The last finish reason."""

    @property
    def choices(self) -> int:
        """Number of choices that began."""

    @property
    def finished(self) -> int:
        """Number of choices that finished."""

    @property
    def usage(self) -> bytes | None:
        """The last usage object that was not null, as JSON."""

    @property
    def model(self) -> str | None:
        """The model that the provider names."""

    @property
    def done(self) -> bool:
        """`data: [DONE]` was seen."""

    @property
    def error(self) -> bytes | None:
        """The first error that the provider reported in the answer, as JSON."""

    @property
    def complete(self) -> bool:
        """Every choice that began has a finish reason, and nothing broke."""

@final
class Chunk:
    """What one network read carried."""

    @property
    def data(self) -> bytes:
        """Whole events to forward; the read itself where nothing had to change."""

    @property
    def content(self) -> bool:
        """Something generated is in it."""

    @property
    def events(self) -> int:
        """Number of events in `data`."""

    @property
    def finish(self) -> str | None:
        """The last finish reason in it."""

    @property
    def usage(self) -> bytes | None:
        """The last usage object in it, as JSON."""

    @property
    def error(self) -> bytes | None:
        """The first error in it, as JSON. Its event is in `data` too."""

    @property
    def done(self) -> bool:
        """`data: [DONE]` came: nothing after it is read."""

    @property
    def truncated(self) -> bool:
        """The answer ended inside an event."""

    @property
    def invalid(self) -> str | None:
        """Why reading stopped here."""

def without_usage(events: bytes, /) -> bytes:
    """The same events without what a client that did not ask for usage must not see."""

@final
class Events:
    """Splits server-sent events of any dialect into `(name, data)`."""

    def __new__(cls, *, max_event: int = 16777216) -> Events: ...
    def feed(self, read: bytes, /) -> list[tuple[str, bytes]]:
        """Takes in one network read and returns the events that it completes."""

    def end(self) -> tuple[str, bytes] | None:
        """Returns a last event that lacks its blank line, if there is one."""
