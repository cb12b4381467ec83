"""Where clients put their keys."""

from __future__ import annotations

from gateway.api.request import Request

_BARE = ("x-api-key", "api-key", "x-goog-api-key")


def credential(request: Request) -> str:
    """The key in `Authorization: Bearer` (in any case), `x-api-key`, `api-key` or `x-goog-api-key`; empty when there is none."""
    if authorization := request.header("authorization"):
        scheme, _, key = authorization.partition(" ")
        return key.strip() if scheme.lower() == "bearer" else authorization.strip()
    return next(filter(None, map(request.header, _BARE)), "").strip()
