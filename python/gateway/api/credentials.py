"""Where clients put their keys."""

from __future__ import annotations

from collections.abc import Mapping

_BARE = ("x-api-key", "api-key", "x-goog-api-key")


def credential(headers: Mapping[str, str]) -> str:
    """The key in `Authorization: Bearer` (in any case), `x-api-key`, `api-key` or `x-goog-api-key`; empty when there is none."""
    authorization = headers.get("authorization")
    if authorization:
        scheme, _, key = authorization.partition(" ")
        return key.strip() if scheme.lower() == "bearer" else authorization.strip()
    bare = next((headers[name] for name in _BARE if name in headers), "")
    return bare.strip()
