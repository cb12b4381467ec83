"""How much of an answer may wait for its client, in this process and in the kernel."""

from __future__ import annotations

import asyncio
import socket

MOST_WAITING = 8 << 10
"""Bytes that wait in the transport before its writer has to."""
MOST_UNSENT = 64 << 10
"""Bytes that wait in the kernel to be sent. What is on its way is not counted, so a distant client loses no speed."""


def bound(transport: asyncio.Transport) -> None:
    """Bounds both buffers of a connection."""
    transport.set_write_buffer_limits(high=MOST_WAITING)
    found = transport.get_extra_info("socket")
    if found is not None and found.family in (socket.AF_INET, socket.AF_INET6):
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MOST_UNSENT)
