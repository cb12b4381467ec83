"""How often and how much at once: the limits of everybody whom a call counts against, met in one native decision."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from types import TracebackType

from gateway import native
from gateway.errors import RateLimited
from gateway.policy.keys import Key

MINUTE = 60_000_000_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the calls of one owner may take together; None is no limit. `owner` is what a refusal calls it, such as `key`."""

    owner: str
    id: str
    requests_per_minute: int | None = None
    concurrency: int | None = None


Chain = tuple[Allowance, ...]
"""The allowances that one call counts against, the nearest first: key → user → team → organisation."""


def of_key(key: Key, default: Allowance) -> Chain:
    """A key's own limits; `default` has those that it does not set itself."""
    rpm = key.requests_per_minute or default.requests_per_minute
    return (Allowance("key", key.id, rpm, key.concurrency or default.concurrency),)


@dataclass(slots=True)
class Quota:
    """A requests-per-minute limit as headers show it."""

    limit: int
    remaining: int

    @property
    def reset_seconds(self) -> float:
        """Until all of it can be used again."""
        return (self.limit - self.remaining) * 60 / self.limit


class Admission:
    """One call's place within its limits; leaving the `with` gives back what is held while it lasts."""

    __slots__ = ("_gate", "quota")

    def __init__(self, gate: native.Gate | None, quota: Quota | None) -> None:
        self._gate, self.quota = gate, quota

    def __enter__(self) -> Admission:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._gate is not None:
            self._gate.release()


UNLIMITED = Admission(None, None)


class Allowances:
    """Admits calls. `chain` says which allowances a key's calls count against."""

    def __init__(self, chain: Callable[[Key], Chain], *, clock: Callable[[], int]) -> None:
        self._chain, self._clock = chain, clock
        self._table = native.Limits()
        self._compiled: dict[str, Compiled] = {}

    def admit(self, key: Key) -> Admission:
        """Takes one request from every limit that it meets, or raises `RateLimited` and takes none."""
        compiled = self._compiled.get(key.id)
        if compiled is None or compiled.key is not key:
            compiled = self._compiled[key.id] = Compiled(key, self._chain(key), self._table)
        if compiled.gate is None:
            return UNLIMITED
        return compiled.admit(self._clock())

    def retain(self, ids: Collection[str]) -> None:
        """Forgets what was compiled for other keys than these."""
        self._compiled = {id: compiled for id, compiled in self._compiled.items() if id in ids}

    def __len__(self) -> int:
        return len(self._compiled)


class Compiled:
    """A chain as the native table knows it; `gate` is None where nothing is limited."""

    __slots__ = ("_buckets", "_owners", "_releases", "_rpm", "gate", "key")

    def __init__(self, key: Key, chain: Chain, table: native.Limits) -> None:
        self.key = key
        self._owners: dict[int, Allowance] = {}
        self._buckets: dict[int, int] = {}
        meets: list[tuple[int, native.Unit]] = []
        for allowance in chain:
            name = f"{allowance.owner} {allowance.id}"
            if allowance.requests_per_minute is not None:
                slot = table.bucket(f"{name} requests", amount=allowance.requests_per_minute, per_ns=MINUTE)
                meets.append((slot, native.Unit.REQUESTS))
                self._owners[slot] = allowance
                self._buckets[slot] = allowance.requests_per_minute
            if allowance.concurrency is not None:
                slot = table.gauge(f"{name} concurrency", limit=allowance.concurrency)
                meets.append((slot, native.Unit.PLACES))
                self._owners[slot] = allowance
        self._rpm = next(iter(self._buckets.values()), 0) if len(self._buckets) < 2 else None
        self._releases = any(allowance.concurrency is not None for allowance in chain)
        self.gate = table.gate(meets) if meets else None

    def admit(self, now: int) -> Admission:
        gate = self.gate
        assert gate is not None
        remaining = gate.take(now)
        if remaining < 0:
            raise self._refused(gate, now)
        held = gate if self._releases else None
        if self._rpm is None:
            return Admission(held, self._scarcest(gate, now))
        return Admission(held, Quota(self._rpm, remaining) if self._rpm else None)

    def _scarcest(self, gate: native.Gate, now: int) -> Quota:
        """Of several limits on requests per minute, the one that will be met first."""
        left = [(remaining, limit) for slot, limit, remaining, _ in gate.remaining(now) if slot in self._buckets]
        remaining, limit = min(left)
        return Quota(limit, remaining)

    def _refused(self, gate: native.Gate, now: int) -> RateLimited:
        refusal = gate.refusal(now)
        owner = "key" if refusal is None else self._owners[refusal.slot].owner
        if refusal is None or refusal.retry_after_ns is None:
            limit = "" if refusal is None else f" of {refusal.limit}"
            message = f"Concurrency limit{limit} reached for this {owner}. Retry when one of its calls has ended."
            return RateLimited(message, code="concurrency_limit_exceeded", headers={"retry-after": "1"})
        seconds = refusal.retry_after_ns / 1e9
        headers = {
            "retry-after": str(max(1, -(-refusal.retry_after_ns // 1_000_000_000))),
            "retry-after-ms": str(-(-refusal.retry_after_ns // 1_000_000)),
            "x-ratelimit-limit-requests": str(refusal.limit),
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": f"{seconds:.3f}s",
        }
        message = f"Rate limit reached for this {owner}: {refusal.limit} requests per minute. Retry in {seconds:.3f} s."
        return RateLimited(message, headers=headers)
