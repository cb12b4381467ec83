"""Limits: one decision and five at once, beside dicts in Python, `limits` and a bucket in Redis."""

import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

from benches.native import Absent, Row, interleave, show
from gateway.native import Gate, Limits, Unit

Pair = tuple[Callable[[], None], Callable[[], None]]

MINUTE = 60 * 10**9
BATCH = 20_000
# Of it, what Redis decides in a round, and how many of these go in one round trip where they are pipelined.
PART, PIPELINE = BATCH // 20, 100
# Most decisions admit: the rate per key is above what a round asks.
RATE, BURST = 600_000, 1_000_000
# One object, as a configuration would hold it: a float for each key would cost the reference a cache miss.
PER_NS = RATE / MINUTE


class PyBucket:
    """A token bucket as one would write it for speed: a slot each, floats, no lock."""

    __slots__ = ("burst", "last", "level", "rate")

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst, self.level, self.last = rate, burst, burst, 0


class PyLimiter:
    """Buckets in a dict by key."""

    def __init__(self, keys: list[str]) -> None:
        self.buckets = {key: PyBucket(PER_NS, BURST) for key in keys}

    def take(self, key: str, now: int) -> float:
        bucket = self.buckets[key]
        level = bucket.level + (now - bucket.last) * bucket.rate
        if level > bucket.burst:
            level = bucket.burst
        bucket.last = now
        if level < 1:
            bucket.level = level
            return (level - 1) / bucket.rate
        bucket.level = level = level - 1
        return level


class PyGate:
    """Five buckets of a key, resolved beforehand; all or nothing."""

    __slots__ = ("meets",)

    def __init__(self, meets: list[tuple[PyBucket, bool]]) -> None:
        self.meets = meets

    def take(self, now: int, tokens: int) -> float:
        fewest = float("inf")
        for bucket, counts_tokens in self.meets:
            amount = tokens if counts_tokens else 1
            level = bucket.level + (now - bucket.last) * bucket.rate
            if level > bucket.burst:
                level = bucket.burst
            bucket.last = now
            bucket.level = level
            if level < amount:
                return (level - amount) / bucket.rate
            if not counts_tokens and level < fewest:
                fewest = level
        for bucket, counts_tokens in self.meets:
            bucket.level -= tokens if counts_tokens else 1
        return fewest


def batches(keys: list[str]) -> Iterator[list[str]]:
    """Keys in a random order, for ever."""
    order = random.Random(7).choices(keys, k=max(len(keys), 2 * BATCH))
    return cycle([order[start : start + BATCH] for start in range(0, len(order) - BATCH + 1, BATCH)])


def single(keys: list[str]) -> Pair:
    limits, limiter = Limits(), PyLimiter(keys)
    gates = {
        key: limits.gate([(limits.bucket(key, amount=RATE, per_ns=MINUTE, burst=BURST), Unit.REQUESTS)]) for key in keys
    }
    our_batches, their_batches = batches(keys), batches(keys)

    def ours() -> None:
        now = time.monotonic_ns()
        for key in next(our_batches):
            now += 100
            gates[key].take(now)

    def theirs() -> None:
        now, take = time.monotonic_ns(), limiter.take
        for key in next(their_batches):
            now += 100
            take(key, now)

    return ours, theirs


def our_gates(keys: list[str]) -> dict[str, Gate]:
    """Each key: requests and tokens of its own, its user's, its team's and its model's requests."""
    limits = Limits()

    def bucket(name: str) -> int:
        return limits.bucket(name, amount=RATE, per_ns=MINUTE, burst=BURST)

    def gate(number: int, key: str) -> Gate:
        own = [(bucket(key), Unit.REQUESTS), (bucket(f"{key} tokens"), Unit.TOKENS)]
        others = (f"user {number // 4}", f"team {number // 100}", f"model {number % 10}")
        return limits.gate([*own, *((bucket(name), Unit.REQUESTS) for name in others)])

    return {key: gate(number, key) for number, key in enumerate(keys)}


def their_gates(keys: list[str]) -> dict[str, PyGate]:
    buckets: dict[str, PyBucket] = {}

    def bucket(name: str) -> PyBucket:
        return buckets.setdefault(name, PyBucket(PER_NS, BURST))

    def gate(number: int, key: str) -> PyGate:
        own = [(bucket(key), False), (bucket(f"{key} tokens"), True)]
        others = (f"user {number // 4}", f"team {number // 100}", f"model {number % 10}")
        return PyGate([*own, *((bucket(name), False) for name in others)])

    return {key: gate(number, key) for number, key in enumerate(keys)}


def five(keys: list[str]) -> Pair:
    our, their = our_gates(keys), their_gates(keys)
    our_batches, their_batches = batches(keys), batches(keys)

    def ours() -> None:
        now = time.monotonic_ns()
        for key in next(our_batches):
            now += 100
            our[key].take(now, 10)

    def theirs() -> None:
        now = time.monotonic_ns()
        for key in next(their_batches):
            now += 100
            their[key].take(now, 10)

    return ours, theirs


def beside_limits(keys: list[str]) -> Pair:
    from limits import RateLimitItemPerMinute
    from limits.storage import MemoryStorage
    from limits.strategies import FixedWindowRateLimiter

    ours, _ = single(keys)
    limiter, item = FixedWindowRateLimiter(MemoryStorage()), RateLimitItemPerMinute(RATE)
    their_batches = batches(keys)

    def theirs() -> None:
        for key in next(their_batches):
            limiter.hit(item, key)

    return ours, theirs


LUA = """
local state = redis.call('HMGET', KEYS[1], 'level', 'last')
local now, rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local level = math.min(burst, (tonumber(state[1]) or burst) + (now - (tonumber(state[2]) or now)) * rate)
local admitted = level >= 1
if admitted then level = level - 1 end
redis.call('HSET', KEYS[1], 'level', level, 'last', now)
return admitted and math.floor(level) or -1
"""


def beside_redis(keys: list[str], client: Any) -> dict[str, Pair]:
    """Our decisions beside one round trip each, and beside a hundred EVALSHA in each; the server shares the core."""
    ours, _ = single(keys)
    their_batches, sha = batches(keys), client.script_load(LUA)

    def sync() -> None:
        now = time.time()
        for key in next(their_batches)[:PART]:
            client.evalsha(sha, 1, key, now, RATE / 60, BURST)

    def pipelined() -> None:
        now, part = time.time(), next(their_batches)[:PART]
        for start in range(0, PART, PIPELINE):
            pipeline = client.pipeline(transaction=False)
            for key in part[start : start + PIPELINE]:
                pipeline.evalsha(sha, 1, key, now, RATE / 60, BURST)
            pipeline.execute()

    return {"sync": (ours, sync), f"{PIPELINE} a pipeline": (ours, pipelined)}


def row(case: str, reference: str, target: float, pair: Pair) -> Row:
    ratios, ours, theirs = interleave(*pair)
    return Row("bucket", case, reference, target, ratios, ours / BATCH * 1e9, theirs / BATCH * 1e9, "ns")


@contextmanager
def redis_client(server: str) -> Iterator[Any]:
    """A client of a server of its own, through a Unix socket; with hiredis, which our dependencies bring."""
    import redis

    with tempfile.TemporaryDirectory() as folder:
        socket = str(Path(folder) / "socket")
        options = ["--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder]
        process = subprocess.Popen([server, *options], stdout=subprocess.DEVNULL)
        try:
            while not Path(socket).exists():
                time.sleep(0.01)
            yield redis.Redis(unix_socket_path=socket)
        finally:
            process.terminate()
            process.wait()


def redis_rows(keys: list[str]) -> list[Row | Absent]:
    server = shutil.which("redis-server")
    if server is None:
        return [Absent("bucket", "single, 10,000 keys, beside redis Lua", "sudo apt-get install redis-server")]
    found: list[Row | Absent] = []
    with redis_client(server) as client:
        for kind, pair in beside_redis(keys, client).items():
            ratios, ours, theirs = interleave(*pair, rounds=5)
            # Theirs decides only a part of a batch.
            ratios, theirs = [ratio * BATCH / PART for ratio in ratios], theirs / PART * 1e9
            reference = f"redis Lua, {kind}"
            found.append(Row("bucket", "single, 10,000 keys", reference, 1.3, ratios, ours / BATCH * 1e9, theirs, "ns"))
    return found


def rows() -> list[Row | Absent]:
    few = [f"sk-gw-{number:012d}" for number in range(10_000)]
    many = [f"sk-gw-{number:012d}" for number in range(1_000_000)]
    return [
        row("single, 10,000 keys", "dict of buckets", 1.3, single(few)),
        row("single, 1,000,000 keys", "dict of buckets", 1.3, single(many)),
        row("five limits, 10,000 keys", "five Python buckets", 3, five(few)),
        row("five limits, 1,000,000 keys", "five Python buckets", 3, five(many)),
        row("single, 10,000 keys", "limits (memory)", 1.3, beside_limits(few)),
        *redis_rows(few),
    ]


if __name__ == "__main__":
    show(rows())
