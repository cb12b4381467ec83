"""The hot core of llm-gateway, usable alone from any Python service."""

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
