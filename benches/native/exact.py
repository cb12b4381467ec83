"""The exact cache: time of a get, and how much of a trace it answers, beside an LRU and `cachetools`."""

import random
import struct
import time
from collections import OrderedDict
from collections.abc import Callable

from cachetools import LRUCache, TTLCache

from benches.native import Row, interleave, show
from gateway.native import ExactCache

BATCH = 10_000
FOREVER = 1 << 62
WEIGHT = 1000
# What a get may cost, in nanoseconds.
BUDGET = 300


class PyLRU:
    """A byte-bounded cache with a time to live, as one would write it."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.weight = capacity, 0
        self.entries: OrderedDict[bytes, tuple[object, int, int]] = OrderedDict()

    def get(self, key: bytes, now: int) -> object | None:
        entry = self.entries.get(key)
        if entry is None:
            return None
        if now >= entry[2]:
            self.remove(key)
            return None
        self.entries.move_to_end(key)
        return entry[0]

    def put(self, key: bytes, value: object, weight: int, expires: int) -> None:
        self.remove(key)
        self.entries[key] = (value, weight, expires)
        self.weight += weight
        while self.weight > self.capacity:
            self.weight -= self.entries.popitem(last=False)[1][1]

    def remove(self, key: bytes) -> None:
        entry = self.entries.pop(key, None)
        if entry is not None:
            self.weight -= entry[1]


def key(number: int) -> bytes:
    return struct.pack("<QQQQ", number, 0, 0, 0)


def keys(count: int) -> list[bytes]:
    order = [key(number) for number in range(count)]
    random.Random(7).shuffle(order)
    return order


def gets(get: Callable[[bytes, int], object], order: list[bytes]) -> Callable[[], None]:
    """BATCH gets, with the time or, for `cachetools`, a default."""
    asked, now = order * (BATCH // len(order)), time.monotonic_ns()

    def run() -> None:
        for each in asked:
            get(each, now)

    return run


def get_rows(count: int) -> list[Row]:
    """Gets of `count` keys in turn: 1,000 stay in a core's cache; with 10,000, key, entry and value are all fetched anew."""
    order = keys(count)
    ours, lru = ExactCache(64 << 20), PyLRU(64 << 20)
    ttl: TTLCache[bytes, bytes] = TTLCache(64 << 20, ttl=3600, getsizeof=len)
    for each in order:
        ours.put(each, b"x" * WEIGHT, WEIGHT, FOREVER)
        lru.put(each, b"x" * WEIGHT, WEIGHT, FOREVER)
        ttl[each] = b"x" * WEIGHT
    case, found = f"get, {count:,} keys", []
    for name, get in (("OrderedDict LRU", lru.get), ("cachetools.TTLCache", ttl.get)):
        ratios, our, their = interleave(gets(ours.get, order), gets(get, order))
        ours_ns, theirs_ns = our / BATCH * 1e9, their / BATCH * 1e9
        found.append(Row("exact", case, name, 1, ratios, ours_ns, theirs_ns, "ns"))
        if not found[1:]:
            budget = [BUDGET * ratio / theirs_ns for ratio in ratios]
            found.append(Row("exact", case, f"{BUDGET} ns", 1, budget, ours_ns, BUDGET, "ns"))
    return found


def zipf_with_scans(length: int) -> list[int]:
    """Keys by a power law over 100,000, a fifth of the trace being runs of keys asked for once."""
    chance, trace, scan = random.Random(7), list[int](), 1 << 32
    while len(trace) < length:
        trace += [int(100_000 ** chance.random()) for _ in range(8_000)]
        trace += range(scan, scan + 2_000)
        scan += 2_000
    return trace


def our_hits(trace: list[int], capacity: int) -> float:
    cache = ExactCache(capacity, shards=1)
    for number in trace:
        if cache.get(key(number), 0) is None:
            cache.put(key(number), number, WEIGHT, FOREVER)
    return cache.stats().hits / len(trace)


def their_hits(trace: list[int], cache: LRUCache[int, int] | TTLCache[int, int]) -> float:
    hits = 0
    for number in trace:
        if cache.get(number) is None:
            cache[number] = number
        else:
            hits += 1
    return hits / len(trace)


def hit_rows() -> list[Row]:
    """Equal capacity, but the bookkeeping of the LRUs is free of charge, and ours is not."""
    trace, capacity = zipf_with_scans(400_000), 2_500_000
    ours = our_hits(trace, capacity)
    room = capacity // WEIGHT
    lru = their_hits(trace, LRUCache(room))
    ttl = their_hits(trace, TTLCache(room, ttl=3600))
    return [
        Row(
            "exact",
            "hit ratio, zipf with scans",
            name,
            (theirs + 0.05) / theirs,
            [ours / theirs],
            ours,
            theirs,
            "hits",
        )
        for name, theirs in (("LRU", lru), ("cachetools.TTLCache", ttl))
    ]


def rows() -> list[Row]:
    return [*get_rows(1_000), *get_rows(10_000), *hit_rows()]


if __name__ == "__main__":
    show(rows())
