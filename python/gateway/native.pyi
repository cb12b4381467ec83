"""The hot core of llm-gateway, usable alone from any Python service."""

from typing import final

__all__ = [
    "Canon",
    "CanonError",
    "Reading",
    "__version__",
]

__version__: str

class CanonError(ValueError):
    """A request body that cannot be read: `message` says why, `param` names the field at fault."""

    message: str
    param: str | None

@final
class Canon:
    """Reads chat-completions request bodies, and gives their cache keys."""

    def __new__(cls, secret: bytes, *, max_depth: int = 128) -> Canon: ...
    def read(self, body: bytes, /) -> Reading:
        """Reads a request body in one pass; raises CanonError for what cannot be read."""

@final
class Reading:
    """One request body as read: its fields, its keys, and its bytes with what must change spliced in."""

    @property
    def model(self) -> str:
        """The model asked for."""
    @property
    def stream(self) -> bool:
        """Whether the answer is to be streamed; False when absent or null."""
    @property
    def include_usage(self) -> bool:
        """Whether `stream_options.include_usage` is true."""
    @property
    def max_tokens(self) -> int | None:
        """`max_completion_tokens`, else `max_tokens`, else None."""
    @property
    def temperature(self) -> float | None:
        """The temperature, None when absent or null."""
    @property
    def n(self) -> int:
        """How many choices are asked for; 1 when absent."""
    @property
    def cache(self) -> bytes | None:
        """The raw JSON of the gateway's own member `cache`, None when absent or null."""
    @property
    def question(self) -> str | None:
        """The text of the last user turn; None when there is none, or it holds more than text."""
    def key(self, scope: bytes, /) -> bytes:
        """The 32-byte key of the answer within a scope (tenant, namespace, endpoint, …)."""
    def context(self, scope: bytes, /) -> bytes:
        """The 32-byte key of all but the last user turn's content, within a scope."""
    def splice(self, model: str | None = None, include_usage: bool = False) -> bytes:
        """The client's own bytes with `model` replaced, usage asked for if streaming, and `cache` cut out."""
