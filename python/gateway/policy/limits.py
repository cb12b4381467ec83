"""How often and how much at once: each key's limits, decided in one native call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from gateway import native
from gateway.errors import RateLimited
from gateway.policy.keys import Key

MINUTE = 60_000_000_000


@dataclass(frozen=True, slots=True)
class Quota:
    """A requests-per-minute limit as headers show it."""

    limit: int
    remaining: int

    @property
    def reset_seconds(self) -> float:
        """Until the bucket is full again."""
        return (self.limit - self.remaining) * 60 / self.limit


class Admission:
    """One request's place within its key's limits; leaving the `with` gives back what is held for the request's time."""

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


@dataclass(frozen=True, slots=True)
class Compiled:
    """A key's limits as the native table knows them; `gate` is None for a key without limits."""

    key: Key
    gate: native.Gate | None
    requests_per_minute: int | None
    holds_places: bool


class Limits:
    """Admits requests. The defaults are for keys that set no limits of their own."""

    def __init__(self, requests_per_minute: int | None, concurrency: int | None, *, clock: Callable[[], int]) -> None:
        self._defaults = (requests_per_minute, concurrency)
        self._clock = clock
        self._table = native.Limits()
        self._compiled: dict[str, Compiled] = {}

    def admit(self, key: Key) -> Admission:
        """Takes one request from every limit of the key, or raises `RateLimited` and takes none."""
        compiled = self._compiled.get(key.id)
        if compiled is None or compiled.key is not key:
            compiled = self._compiled[key.id] = self._compile(key)
        gate = compiled.gate
        if gate is None:
            return Admission(None, None)
        remaining = gate.take(self._clock())
        if remaining < 0:
            raise self._refused(gate)
        quota = Quota(compiled.requests_per_minute, remaining) if compiled.requests_per_minute else None
        return Admission(gate if compiled.holds_places else None, quota)

    def _compile(self, key: Key) -> Compiled:
        rpm = key.requests_per_minute or self._defaults[0]
        concurrency = key.concurrency or self._defaults[1]
        meets: list[tuple[int, native.Unit]] = []
        if rpm is not None:
            meets.append((self._table.bucket(f"{key.id} requests", amount=rpm, per_ns=MINUTE), native.Unit.REQUESTS))
        if concurrency is not None:
            meets.append((self._table.gauge(f"{key.id} concurrency", limit=concurrency), native.Unit.PLACES))
        return Compiled(key, self._table.gate(meets) if meets else None, rpm, concurrency is not None)

    def _refused(self, gate: native.Gate) -> RateLimited:
        refusal = gate.refusal(self._clock())
        if refusal is None or refusal.retry_after_ns is None:
            limit = "" if refusal is None else f" of {refusal.limit}"
            message = f"Concurrency limit{limit} reached for this key. Retry when one of its calls has ended."
            return RateLimited(message, code="concurrency_limit_exceeded", headers={"retry-after": "1"})
        seconds = refusal.retry_after_ns / 1e9
        headers = {
            "retry-after": str(max(1, -(-refusal.retry_after_ns // 1_000_000_000))),
            "retry-after-ms": str(-(-refusal.retry_after_ns // 1_000_000)),
            "x-ratelimit-limit-requests": str(refusal.limit),
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": f"{seconds:.3f}s",
        }
        return RateLimited(
            f"Rate limit reached for this key: {refusal.limit} requests per minute. Retry in {seconds:.3f} s.",
            headers=headers,
        )
