"""An end for connections that dawdle: one timer for all of them."""

from __future__ import annotations

import asyncio
import logging
import select
from typing import Protocol

from gateway.api.request import ServerOptions
from gateway.api.states import ANSWER, State, patience

log = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
_GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR


class Waiting(Protocol):
    """A connection, as far as its waits go. Times are on the loop's clock."""

    state: State
    since: float
    """When the current wait began."""
    blocked_since: float | None
    """When the client stopped taking what is sent; None while it takes it."""

    @property
    def socket(self) -> asyncio.Transport: ...
    def give_up(self) -> None:
        """Ends a wait for the client that has been too long."""

    async def shutdown(self, timeout: float | None) -> None:  # noqa: ASYNC109 - aiohttp calls it so
        """Sends what is left to send, for `timeout` seconds at most, and ends what is still open."""


class Sweeper:
    """The open connections. Once a second it ends those that have waited too long or have nobody behind them."""

    def __init__(self, options: ServerOptions) -> None:
        self._write_timeout = options.write_timeout
        self._patience = patience(options)
        self._connections: set[Waiting] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._failing = False

    def __len__(self) -> int:
        return len(self._connections)

    def add(self, connection: Waiting) -> None:
        self._connections.add(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._tick)

    def discard(self, connection: Waiting) -> None:
        self._connections.discard(connection)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def shutdown(self, timeout: float) -> None:  # noqa: ASYNC109 - one limit for all of them, passed on
        """Ends every connection."""
        await asyncio.gather(*(connection.shutdown(timeout) for connection in self._connections))

    def sweep(self, now: float) -> None:
        """Looks at every connection. One that fails is left alone, and the first failure of a row of them is logged."""
        failed = False
        for connection in list(self._connections):
            try:
                self._look(connection, now)
            except Exception:
                if not (self._failing or failed):
                    log.exception("a connection could not be looked at; the others are")
                failed = True
        self._failing = failed

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(SWEEP_SECONDS, self._tick)
        self.sweep(loop.time())

    def _look(self, connection: Waiting, now: float) -> None:
        if connection.blocked_since is not None:
            if now - connection.blocked_since > self._write_timeout:
                connection.socket.abort()
        elif connection.state in self._patience:
            if now - connection.since >= self._patience[connection.state]:
                connection.give_up()
        elif connection.state is ANSWER and departed(connection.socket):
            connection.socket.abort()


def departed(transport: asyncio.Transport) -> bool:
    """Whether the peer has closed a connection that is not being read, which nothing else would tell."""
    if transport.is_reading():
        return False
    socket = transport.get_extra_info("socket")
    if socket is None:
        return False
    poll = select.poll()
    poll.register(socket.fileno(), _GONE)
    return bool(poll.poll(0))
