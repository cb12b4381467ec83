"""How much of an answer the kernel may hold."""

from __future__ import annotations

import socket
from contextlib import suppress

RECEIVE_BUFFER = 128 << 10
"""Bytes of what may be left unread; Linux doubles them."""
WHOLE_BUFFER = 4 << 20
"""Bytes to begin with where there is no bound any more; Linux gives what `net.core.rmem_max` allows."""
SO_BUF_LOCK = 72
"""Linux 5.14: 0 gives the sizes of buffers back to the kernel. The module `socket` has no name for it."""


class Window:
    """The receive buffer of one connection.

    Left to the kernel it grows to megabytes while a fast provider is read, which a large answer over a long way needs, and which
    a stream whose readers stall would keep. So it is `fix`ed for streams, and the kernel's again for what is read without a
    break: 16 MB over 100 ms take 12 s through a fixed one. To change it takes a system call, to leave it none.
    """

    __slots__ = ("_fixed", "_socket")

    def __init__(self, sock: socket.socket) -> None:
        self._socket, self._fixed = sock, False

    def fix(self, fixed: bool) -> None:
        if fixed is self._fixed:
            return
        self._fixed = fixed
        if fixed:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        else:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WHOLE_BUFFER)
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, SO_BUF_LOCK, 0)
