"""Where clients put their keys."""

from __future__ import annotations

from collections.abc import Callable

_BARE = ("x-api-key", "api-key", "x-goog-api-key")


def credential(header: Callable[[str], str]) -> str:
    """The key in `Authorization: Bearer` (in any case), `x-api-key`, `api-key` or `x-goog-api-key`; empty when there is none."""
    if authorization := header("authorization"):
        scheme, _, key = authorization.partition(" ")
        return key.strip() if scheme.lower() == "bearer" else authorization.strip()
    return next(filter(None, map(header, _BARE)), "").strip()
