"""What the kernel can prove about a request: that the provider has not read any of it."""

from __future__ import annotations

import socket
from struct import Struct

_ESTABLISHED = 1
_TCP_INFO = Struct("=B119xQQ12xI")
"""linux/tcp.h: the state, bytes acknowledged, bytes received, and the shortest round trip in microseconds."""
_GONE = (0, 0, 0, 0)


class Delivery:
    """Follows one request after the other over a socket.

    A kernel acknowledges, with every segment that it sends, all that it has received. So if a FIN has come and nothing of the
    request is acknowledged, the provider closed before the request reached its host, and no program there has read it.
    A RST proves less, since what was read may not have been acknowledged yet. But one that comes sooner than a round trip
    after the request went out had left before the request arrived.
    """

    __slots__ = ("_acknowledged", "_socket")

    def __init__(self, fd: int) -> None:
        """Borrows the descriptor of a TCP socket until `close`, which must come before the descriptor is closed or forgotten."""
        self._socket = socket.socket(fileno=fd)
        self._acknowledged = 0

    def begin(self, received: int | None) -> bool:
        """Whether a request may be sent now: the provider has not closed the connection, and has sent no more than the
        `received` bytes that were read; None where that number is not known."""
        state, self._acknowledged, sent, _ = self._standing()
        return state == _ESTABLISHED and received in (None, sent)

    def unread(self, reset_after: float | None = None) -> bool:
        """Whether the provider cannot have read any of the request. Ask as soon as it closes the connection; `reset_after` is
        the seconds from the request to the reset, if it was one."""
        _, acknowledged, _, round_trip_us = self._standing()
        if acknowledged != self._acknowledged:
            return False
        return reset_after is None or reset_after * 1e6 < round_trip_us

    def close(self) -> None:
        """Gives the descriptor back. From then on nothing is proved."""
        self._socket.detach()

    def _standing(self) -> tuple[int, int, int, int]:
        try:
            raw = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
            return _TCP_INFO.unpack(raw)
        except OSError:  # given back
            return _GONE
