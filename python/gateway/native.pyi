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
    """A request body that cannot be read: `message` says why, `param` names the field at fault, if there is one."""

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
        """The text of the last user turn, its text parts joined by a line feed; None when there is more than text."""
    def key(self, scope: bytes, /) -> bytes:
        """The 32-byte key of the answer within a scope (tenant, namespace, endpoint, …)."""
    def context(self, scope: bytes, /) -> bytes:
        """The 32-byte key of all but the last user turn's content, within a scope."""
    def splice(self, model: str | None = None, include_usage: bool = False) -> bytes:
        """The client's own bytes with `model` replaced, usage asked for if streaming, and `cache` cut out."""
from typing import Any, final

__version__: str

@final
class CacheStats:
    """What an ExactCache has counted since it was made."""

    @property
    def hits(self) -> int: ...
    @property
    def misses(self) -> int: ...
    @property
    def insertions(self) -> int: ...
    @property
    def evictions(self) -> int: ...
    @property
    def expirations(self) -> int: ...

@final
class ExactCache:
    """A cache from 32-byte keys to immutable Python objects, bounded in bytes, with a time to live."""

    def __new__(cls, capacity: int, *, shards: int | None = None) -> ExactCache: ...
    def get(self, key: bytes, now: int, /) -> Any:
        """The object itself, or None if there is none or it has expired at `now`."""
    def put(self, key: bytes, value: object, weight: int, expires: int, /) -> bool:
        """Keeps `value` until `expires`; False if it is larger than may be kept."""
    def remove(self, key: bytes, /) -> bool:
        """Forgets one entry; whether there was one."""
    def clear(self) -> None:
        """Forgets every entry."""
    def entries(self, shard: int, now: int, /) -> list[tuple[bytes, Any, int, int]]:
        """The live entries (key, value, weight, expires) of one shard, for a snapshot."""
    def stats(self) -> CacheStats:
        """What has been counted since the cache was made."""
    def __len__(self) -> int: ...
    @property
    def weight(self) -> int:
        """Bytes held, bookkeeping included: never above `capacity`."""
    @property
    def capacity(self) -> int: ...
    @property
    def shards(self) -> int: ...
