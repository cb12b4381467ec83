"""What a caller wants of the cache: its Cache-Control header and the body's `cache` member."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.errors import InvalidRequest

_DIRECTIVES = {"ttl", "no-cache", "no-store", "namespace"}
_MAX_AGE = re.compile(r"max-age\s*=\s*\"?(\d{1,10})", re.IGNORECASE)
_LONGEST_NAMESPACE = 200


@dataclass(frozen=True, slots=True)
class Terms:
    """What one caller wants of the cache. `max_age` and `ttl` are seconds."""

    read: bool = True
    store: bool = True
    max_age: int | None = None
    ttl: float | None = None
    namespace: str = ""

    @classmethod
    def of(cls, cache_control: str, member: bytes | None) -> Terms:
        """The terms that a Cache-Control header and the JSON of a `cache` member state; raises `InvalidRequest`."""
        body = _checked(member) if member else {}
        header = cache_control.lower()
        age = _MAX_AGE.search(header)
        return cls(
            read=not ("no-cache" in header or body.get("no-cache", False)),
            store=not ("no-store" in header or body.get("no-store", False)),
            max_age=int(age.group(1)) if age else None,
            ttl=body.get("ttl"),
            namespace=body.get("namespace", ""),
        )


DEFAULT_TERMS = Terms()
NO_CACHE = Terms(read=False, store=False)


def _checked(member: bytes) -> dict[str, Any]:
    try:
        body: dict[str, Any] = orjson.loads(member)
    except orjson.JSONDecodeError:  # a lone surrogate, or a number beyond all bounds
        raise InvalidRequest("'cache' holds a value that cannot be read.", param="cache") from None
    if unknown := set(body) - _DIRECTIVES:
        named = min(unknown)[:40]
        message = f"Unknown cache directive '{named}': use {', '.join(sorted(_DIRECTIVES))}."
        raise InvalidRequest(message, param=f"cache.{named}")
    for name in ("no-cache", "no-store"):
        if not isinstance(body.get(name, False), bool):
            raise InvalidRequest(f"'cache.{name}' must be true or false.", param=f"cache.{name}")
    ttl, namespace = body.get("ttl"), body.get("namespace", "")
    if ttl is not None and (isinstance(ttl, bool) or not isinstance(ttl, int | float) or not 0 <= ttl <= 10**9):
        raise InvalidRequest("'cache.ttl' must be a number of seconds, 0 or more.", param="cache.ttl")
    if not isinstance(namespace, str) or len(namespace) > _LONGEST_NAMESPACE:
        message = f"'cache.namespace' must be a string of at most {_LONGEST_NAMESPACE} characters."
        raise InvalidRequest(message, param="cache.namespace")
    return body
