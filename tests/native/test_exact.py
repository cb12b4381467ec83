import gc
import os
import weakref
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.native import ExactCache

FOREVER = 1 << 62


def key(number: int) -> bytes:
    return number.to_bytes(32, "little")


def test_returns_the_very_object() -> None:
    cache = ExactCache(1 << 20)
    value = os.urandom(1000)
    assert cache.put(key(1), value, len(value), FOREVER)
    assert cache.get(key(1), 0) is value
    assert cache.get(key(2), 0) is None


def test_expires_at_its_time() -> None:
    cache = ExactCache(1 << 20)
    cache.put(key(1), b"value", 5, 100)
    assert cache.get(key(1), 99) == b"value"
    assert cache.get(key(1), 100) is None
    assert cache.get(key(1), 99) is None
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.insertions, stats.expirations) == (1, 2, 1, 1)


def test_replaces_removes_and_clears() -> None:
    cache = ExactCache(1 << 20)
    cache.put(key(1), b"old", 3, FOREVER)
    cache.put(key(1), b"new", 3, FOREVER)
    assert (cache.get(key(1), 0), len(cache)) == (b"new", 1)
    assert cache.remove(key(1))
    assert not cache.remove(key(1))
    cache.put(key(2), b"value", 5, FOREVER)
    cache.clear()
    assert (len(cache), cache.weight, cache.get(key(2), 0)) == (0, 0, None)


def test_lists_what_is_alive() -> None:
    cache = ExactCache(1 << 20, shards=3)
    for number in range(10):
        cache.put(key(number), number, 8, 50 + number)
    entries = [entry for shard in range(cache.shards) for entry in cache.entries(shard, 55)]
    assert sorted(entries) == [(key(number), number, 8, 50 + number) for number in range(6, 10)]
    with pytest.raises(ValueError, match="shard must be below 3"):
        cache.entries(3, 0)


def test_lets_go_of_what_it_pushes_out() -> None:
    class Value:
        pass

    cache = ExactCache(8192, shards=1)
    alive = weakref.WeakSet[Value]()
    for number in range(100):
        value = Value()
        alive.add(value)
        cache.put(key(number), value, 500, FOREVER)
    del value
    gc.collect()
    assert len(alive) == len(cache) < 15
    cache.clear()
    gc.collect()
    assert len(alive) == 0


def test_a_finaliser_may_use_the_cache() -> None:
    cache = ExactCache(8192, shards=1)
    seen = []

    class Value:
        def __del__(self) -> None:
            seen.append(len(cache))
            cache.get(key(1), 0)
            cache.put(key(9), b"", 0, FOREVER)

    for number in range(50):
        cache.put(key(number % 20), Value(), 300, number % 7)
        cache.get(key(number % 5), 3)
        cache.remove(key(number % 3))
    cache.clear()
    assert len(seen) == 50


@pytest.mark.parametrize(
    ("misuse", "error", "message"),
    [
        (lambda cache: cache.get(b"short", 0), ValueError, "32 bytes, not 5"),
        (lambda cache: cache.put(b"", b"", 0, 0), ValueError, "32 bytes, not 0"),
        (lambda cache: cache.put(key(1), b"", -1, 0), ValueError, "must not be negative"),
        (lambda cache: cache.get("x" * 32, 0), TypeError, "bytes"),
        (lambda cache: cache.get(key(1), 0.5), TypeError, "integer"),
        (lambda cache: cache.get(key(1), 1 << 64), OverflowError, "too large"),
        (lambda _: ExactCache(100), ValueError, "at least"),
        (lambda _: ExactCache(1 << 20, shards=0), ValueError, "between 1 and"),
        (lambda _: ExactCache(-1), OverflowError, "negative"),
    ],
)
def test_misuse(misuse: Callable[[ExactCache], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        misuse(ExactCache(1 << 20))


def test_larger_than_it_may_be() -> None:
    cache = ExactCache(1 << 20, shards=4)
    assert cache.put(key(1), b"small", 5, FOREVER)
    assert not cache.put(key(1), b"large", 1 << 18, FOREVER)
    assert cache.get(key(1), 0) is None, "the value that was to be replaced must not be served"


weights = st.one_of(st.integers(0, 500), st.integers(0, 30_000))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 99), weights, st.integers(-5, 60), st.booleans()), max_size=200),
    st.integers(8192, 60_000),
)
def test_agrees_with_a_dict_within_its_bound(acts: list[tuple[int, int, int, bool]], capacity: int) -> None:
    cache, model = ExactCache(capacity, shards=1), dict[int, tuple[object, int]]()
    for now, (number, weight, ttl, stores) in enumerate(acts):
        if stores:
            value = object()
            if cache.put(key(number), value, weight, now + ttl):
                model[number] = (value, now + ttl)
            else:
                model.pop(number, None)
        found = cache.get(key(number), now)
        known, expires = model.get(number, (None, 0))
        assert found is None or (found is known and now < expires)
        assert not stores or (found is not None) == (number in model and ttl > 0)
        assert cache.weight <= capacity == cache.capacity
