"""A client's connection, down to how it ends."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import urlsplit

from tests.hostile.strict import Answer, read

RESETTING = b"\1\0\0\0\0\0\0\0"
"""SO_LINGER of zero seconds: closing resets."""


class Stuck(AssertionError):
    """Nothing came for longer than anything may take."""


class Line:
    """A bare socket to a gateway. `window` bounds what it takes without being read."""

    def __init__(self, url: str, *, patience: float = 60.0, window: int | None = None) -> None:
        address = urlsplit(url)
        self._socket = socket.socket()
        if window:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self._socket.settimeout(patience)
        try:
            self._socket.connect((address.hostname, address.port))
        except OSError:
            self._socket.close()
            raise
        self.was_reset = False

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        """Its own end's."""
        return int(self._socket.getsockname()[1])

    def send(self, *pieces: bytes, pause: float = 0.0) -> bool:
        """Sends the pieces, each in a packet of its own; False if the gateway would not have them all."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                self._socket.sendall(piece)
                if pause:
                    time.sleep(pause)
        except ConnectionError:
            return False
        except TimeoutError:
            raise Stuck("the gateway does not read") from None
        return True

    def some(self, until: bytes) -> bytes:
        """What comes, up to the read that brings `until`."""
        data = b""
        while until not in data and (more := self._socket.recv(65536)):
            data += more
        return data

    def wait(self, seconds: float) -> None:
        """Takes what comes for so long."""
        self._socket.settimeout(max(seconds, 0.001))
        with suppress(OSError):
            while self._socket.recv(65536):
                pass

    def rest(self) -> bytes:
        """All that still comes, until the gateway closes."""
        data = bytearray()
        try:
            while more := self._socket.recv(65536):
                data += more
        except ConnectionError:
            self.was_reset = True
        except TimeoutError:
            raise Stuck(f"the gateway neither goes on nor closes after {bytes(data[-200:])!r}") from None
        return bytes(data)

    def answers(self) -> list[Answer]:
        """All responses that still come, until the gateway closes."""
        data = self.rest()
        return read(data, reset=self.was_reset)

    def reset(self) -> None:
        """Goes without a word."""
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETTING)
        self.close()

    def close(self) -> None:
        self._socket.close()


def head(target: str = "/v1/chat/completions", method: str = "POST", lines: Iterable[str] = ()) -> bytes:
    """A request's head but for the blank line at its end; `lines` are its headers."""
    return "".join(f"{line}\r\n" for line in (f"{method} {target} HTTP/1.1", *lines)).encode("latin-1")
