"""One request as it came in, before anybody has judged it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

HOPS_HEADER = "x-gateway-hops"
"""The request header that counts the gateways a call has come through, so that one cannot go round in circles."""
MAX_HOPS = 3
"""A call that has come through so many gateways is refused."""


@dataclass(slots=True)
class Call:
    """What `api/` knows of a request: enough to authenticate it, and the way to its body."""

    id: str
    """Ours: unique, shown as `x-gateway-id`, the ledger's primary key."""
    endpoint: str
    credential: str
    """The API key as sent, without its scheme; empty when there is none."""
    cache_control: str
    """The Cache-Control header; empty when there is none."""
    body: Callable[[], Awaitable[bytes]]
    """Reads the decompressed body, or raises what is wrong with it."""
    request_id: str = ""
    """Shown as `x-request-id`: the client's own where it sent one, else `id`."""
    hops: int = 0
    """Gateways that it has come through, as `HOPS_HEADER` says."""
