"""What the kernel knows of a request: whether the provider can have read any of it."""

from __future__ import annotations

import os
import socket
from struct import Struct

_ESTABLISHED = 1
_TCP_INFO = Struct("=B119xQQ")
"""linux/tcp.h: the state, bytes acknowledged and bytes received."""
_CLOSED = (0, 0, 0)


class Delivery:
    """Follows one request after the other over a socket.

    A connection that was closed while not one byte of the request was acknowledged closed before the request was read:

    * A FIN acknowledges all that has arrived before it, so what it does not acknowledge came too late.
    * A RST is sent for what arrives too late, and by a program that closes with the request unread. A program that has read it
      can look the same only if it resets on purpose (SO_LINGER 0) within the 40 ms for which Linux may delay an
      acknowledgement. It has given the request up by then.
    """

    __slots__ = ("_acknowledged", "socket")

    def __init__(self, fd: int) -> None:
        """Duplicates the descriptor of a TCP socket, until `close`: a borrowed number may be another file's by the time it
        is used, since a loop does not tell of every connection that it closes."""
        self.socket = socket.socket(fileno=os.dup(fd))
        self._acknowledged = 0

    def begin(self, received: int | None) -> bool:
        """Whether a request may be sent now: the provider has not closed the connection, and has sent no more than the
        `received` bytes that were read; None where that number is not known."""
        state, self._acknowledged, sent = self._standing()
        return state == _ESTABLISHED and received in (None, sent)

    def unread(self) -> bool:
        """Whether the provider cannot have read any of the request; to be asked when it has closed the connection."""
        return self._standing()[1] == self._acknowledged

    def close(self) -> None:
        """Lets go of the socket."""
        self.socket.close()

    def _standing(self) -> tuple[int, int, int]:
        try:
            return _TCP_INFO.unpack(self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size))
        except OSError:
            return _CLOSED
