"""The hot core of llm-gateway, usable alone from any Python service."""

from collections.abc import Sequence
from typing import Any, Final, final

__all__ = [
    "CacheStats",
    "ExactCache",
    "Gate",
    "Lender",
    "Limits",
    "Refusal",
    "Unit",
    "__version__",
]

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

@final
class Gate:
    """The limits that one request meets: one call decides over them all, all or nothing."""

    NEVER: Final[int]
    BLOCKED: Final[int]
    LEASE: Final[int]
    def take(self, now: int, tokens: int = 0, cost: int = 0, /) -> int:
        """Takes from every limit or from none: >= 0 requests remaining, < 0 minus the nanoseconds to wait."""
    def refusal(self, now: int, tokens: int = 0, cost: int = 0, /) -> Refusal | None:
        """The limit that keeps such a request out longest, or None."""
    def release(self) -> None:
        """Gives back the places of one request that was admitted."""
    def settle(
        self, now: int, tokens_reserved: int, tokens_used: int, cost_reserved: int, cost_used: int, /
    ) -> None:
        """Replaces what was reserved by what was used."""
    def remaining(self, now: int, /) -> list[tuple[int, int, int, int | None]]:
        """Slot, limit, remaining and nanoseconds until full, of each limit in the order given."""

@final
class Lender:
    """The shared end of a limit that several nodes spend: it lends slices, and takes back what was not spent."""

    def __new__(
        cls,
        *,
        amount: int,
        per_ns: int,
        burst: int | None = None,
        life_ns: int = 1_000_000_000,
        share: int = 4,
    ) -> Lender: ...
    def grant(self, now: int, want: int, /) -> tuple[int, int, int] | None:
        """Lends up to `want`: (id, amount, until), or None."""
    def give_back(self, now: int, id: int, unspent: int, /) -> int:
        """Ends a lease early; what of `unspent` was credited."""
    def take(self, now: int, amount: int = 1, /) -> int:
        """Takes `amount` without a lease: what then remains, or below zero as Gate.take()."""
    def remaining(self, now: int, /) -> int:
        """What could be lent or taken now."""
    def lent(self, now: int, /) -> int:
        """What is out on lease."""

@final
class Limits:
    """A table of limits by name: token buckets, concurrency gauges, budgets and leases, all in integers."""

    def __new__(cls) -> Limits: ...
    def bucket(self, name: str, *, amount: int, per_ns: int, burst: int | None = None) -> int:
        """Defines a bucket that gains `amount` every `per_ns` up to `burst`; its slot."""
    def gauge(self, name: str, *, limit: int) -> int:
        """Defines a limit on what is held at one time; its slot."""
    def budget(self, name: str, *, limit: int, spent: int | None = None) -> int:
        """Defines an amount to spend; its slot."""
    def lease(self, name: str, *, limit: int) -> int:
        """Defines the local end of a shared limit; its slot."""
    def lend(self, slot: int, now: int, /, *, amount: int, start: int, end: int) -> int:
        """Takes over a lease for start <= now < end; what was left of the one before."""
    def remove(self, slot: int) -> None:
        """Forgets a limit's name; gates compiled with it keep it."""
    def slot(self, name: str) -> int | None:
        """The slot of a name, or None."""
    def gate(self, limits: Sequence[tuple[int, Unit]]) -> Gate:
        """Compiles which limits one request meets, and what it takes of each."""
    def __len__(self) -> int: ...

@final
class Refusal:
    """Why a request was refused: the limit that keeps it out longest."""

    @property
    def slot(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> Unit: ...
    @property
    def limit(self) -> int: ...
    @property
    def remaining(self) -> int: ...
    @property
    def retry_after_ns(self) -> int | None:
        """None where time alone will not admit it."""
    @property
    def code(self) -> int:
        """What take() returns."""

@final
class Unit:
    """What a limit counts: which of a request's numbers it takes."""

    REQUESTS: Final[Unit]
    TOKENS: Final[Unit]
    PLACES: Final[Unit]
    COST: Final[Unit]
    def __int__(self) -> int: ...
    def __hash__(self) -> int: ...
