"""The exact cache: the same call again is answered from memory, in either shape."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.chat import shapes
from gateway.chat.usage import Usage
from gateway.errors import InvalidRequest
from gateway.native import ExactCache, Reading, without_usage

SECOND = 1_000_000_000
OVERHEAD = 512
"""Bytes that an answer weighs beside its body: the record, its names and usage."""
_DIRECTIVES = {"ttl", "no-cache", "no-store", "namespace"}
_MAX_AGE = re.compile(r"max-age\s*=\s*\"?(\d{1,10})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Terms:
    """What one caller wants of the cache. `max_age` and `ttl` are seconds."""

    read: bool = True
    store: bool = True
    max_age: int | None = None
    ttl: float | None = None
    namespace: str = ""


DEFAULT_TERMS = Terms()
NO_CACHE = Terms(read=False, store=False)


class Answer:
    """A complete, successful answer in the shape it came in; the other shape is made when somebody asks for it."""

    __slots__ = ("_events", "_whole", "cost_pico", "kept_at", "model", "provider", "usage")

    def __init__(
        self, transcript: bytes, whole: bool, provider: str, model: str, usage: Usage, cost_pico: int | None
    ) -> None:
        self._whole = transcript if whole else None
        self._events = None if whole else transcript
        self.provider, self.model, self.usage, self.cost_pico = provider, model, usage, cost_pico
        self.kept_at = 0

    @property
    def size(self) -> int:
        """Bytes of the shapes that exist."""
        return len(self._whole or b"") + len(self._events or b"")

    def body(self) -> bytes:
        """The answer as a `chat.completion` object."""
        if self._whole is None:
            self._whole = shapes.assemble(self._events or b"")
        return self._whole

    def events(self, include_usage: bool) -> bytes:
        """The answer as events, without `[DONE]`; with a usage chunk if the client asked for it."""
        if self._events is None:
            self._events = shapes.replay(self._whole or b"")
        return self._events if include_usage else without_usage(self._events)


class Exact:
    """The policy around the native cache: who reads, what is kept, for how long.

    Both shapes of an answer are accounted for when it is kept, so that making the other one later stays within the bound.
    """

    def __init__(self, *, capacity: int, ttl: float, largest: int, sampled: bool, clock: Callable[[], int]) -> None:
        self._cache = ExactCache(capacity)
        self._ttl, self._largest, self._sampled = ttl, largest, sampled
        self._clock = clock

    def terms(self, request: Reading, cache_control: str) -> Terms:
        """The caller's wishes from its Cache-Control header and the body's `cache` member; raises `InvalidRequest`."""
        if not self._sampled and request.temperature != 0:
            return NO_CACHE
        if not cache_control and request.cache is None:
            return DEFAULT_TERMS
        return _terms(cache_control.lower(), orjson.loads(request.cache) if request.cache else {})

    def get(self, key: bytes, terms: Terms) -> Answer | None:
        if not terms.read:
            return None
        now = self._clock()
        answer = self._cache.get(key, now)
        if not isinstance(answer, Answer):
            return None
        if terms.max_age is not None and now - answer.kept_at > terms.max_age * SECOND:
            return None
        return answer

    def put(self, key: bytes, terms: Terms, answer: Answer) -> bool:
        """Keeps an answer; False when the caller forbids it or it is too large."""
        ttl = self._ttl if terms.ttl is None else terms.ttl
        if not terms.store or answer.size > self._largest or ttl <= 0:
            return False
        answer.kept_at = self._clock()
        return self._cache.put(key, answer, 2 * answer.size + OVERHEAD, answer.kept_at + int(ttl * SECOND))

    @property
    def weight(self) -> int:
        """Bytes held."""
        return self._cache.weight

    def __len__(self) -> int:
        return len(self._cache)


def _terms(header: str, body: dict[str, Any]) -> Terms:
    if unknown := set(body) - _DIRECTIVES:
        named = min(unknown)
        raise InvalidRequest(
            f"Unknown cache directive '{named[:40]}': use {', '.join(sorted(_DIRECTIVES))}.",
            param=f"cache.{named[:40]}",
        )
    for name in ("no-cache", "no-store"):
        if not isinstance(body.get(name, False), bool):
            raise InvalidRequest(f"'cache.{name}' must be true or false.", param=f"cache.{name}")
    ttl, namespace = body.get("ttl"), body.get("namespace", "")
    if ttl is not None and (isinstance(ttl, bool) or not isinstance(ttl, int | float) or not 0 <= ttl <= 10**9):
        raise InvalidRequest("'cache.ttl' must be a number of seconds, 0 or more.", param="cache.ttl")
    if not isinstance(namespace, str) or len(namespace) > 200:
        raise InvalidRequest("'cache.namespace' must be a string of at most 200 characters.", param="cache.namespace")
    age = _MAX_AGE.search(header)
    return Terms(
        read=not ("no-cache" in header or body.get("no-cache", False)),
        store=not ("no-store" in header or body.get("no-store", False)),
        max_age=int(age.group(1)) if age else None,
        ttl=ttl,
        namespace=namespace,
    )
