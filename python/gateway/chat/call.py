"""One request as it came in, before anybody has judged it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.chat.format import Format
from gateway.native import Reading

HOPS_HEADER = "x-gateway-hops"
"""The request header that counts the gateways a call has come through, so none can go round in circles."""
READ_IN_PLACE = 256 << 10
"""Bytes of a body that is read at once. A larger one takes up to 20 ns a byte, so a thread reads it, without the GIL."""
MAX_HOPS = 3
"""A call that has come through so many gateways is refused."""


@dataclass(slots=True)
class Call:
    """What `api/` knows of a request: enough to authenticate it, and the way to what it asks for."""

    id: str
    """Unique: the ledger's primary key, shown as `x-gateway-id`."""
    request_id: str
    """The client's own id where it sent one, else `id`; shown as `x-request-id`."""
    format: Format
    credential: str
    """The API key as sent, without its scheme; empty when there is none."""
    cache_control: str
    """The Cache-Control header; empty when there is none."""
    body: Callable[[], Awaitable[bytes]]
    """Reads the decompressed body, or raises what is wrong with it."""
    read: Callable[[bytes], Reading]
    """What a body asks for; raises `InvalidRequest`."""
    hops: int = 0
    """Gateways that it has come through, as `HOPS_HEADER` says."""

    async def request(self) -> Reading:
        """What is asked for; raises what is wrong with the body."""
        body = await self.body()
        return self.read(body) if len(body) < READ_IN_PLACE else await asyncio.to_thread(self.read, body)
