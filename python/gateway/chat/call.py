"""One request as it came in, before anybody has judged it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

HOPS_HEADER = "x-gateway-hops"
"""The request header that counts the gateways a call has come through, so that one cannot go round in circles."""
MAX_HOPS = 3


@dataclass(slots=True)
class Call:
    """What `api/` knows of a request: enough to authenticate it, and the way to its body."""

    id: str
    """The request id: unique, shown as `x-request-id`, the ledger's primary key."""
    endpoint: str
    credential: str
    """The API key as sent, without its scheme; empty when there is none."""
    cache_control: str
    """The Cache-Control header; empty when there is none."""
    body: Callable[[], Awaitable[bytes]]
    """Reads the decompressed body, or raises what is wrong with it."""
    hops: int = 0
    """Gateways that it has come through, as `HOPS_HEADER` says."""
