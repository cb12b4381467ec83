"""An end for connections that dawdle."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest

from gateway.api import sweeper
from gateway.api.request import ServerOptions
from gateway.api.states import ANSWER, CLOSED, NEXT, State
from gateway.api.sweeper import Sweeper, departed
from tests.api.notes import Notes, Served, get, turns


class Connection:
    """One that says what happens to it."""

    def __init__(self, transport: asyncio.Transport, state: State = NEXT, *, broken: bool = False) -> None:
        self._transport, self._broken = transport, broken
        self.state, self.since = state, 0.0
        self.blocked_since: float | None = None
        self.given_up = 0
        self.thrice = asyncio.Event()

    @property
    def socket(self) -> asyncio.Transport:
        return self._transport

    def give_up(self) -> None:
        if self._broken:
            raise RuntimeError("a fault of ours")
        self.given_up += 1
        if self.given_up == 3:
            self.thrice.set()

    async def shutdown(self, timeout: float | None) -> None:  # noqa: ASYNC109
        self.state = CLOSED


async def test_a_connection_that_cannot_be_looked_at_does_not_keep_the_others_open(
    caplog: pytest.LogCaptureFixture,
) -> None:
    served = Served()
    found = Sweeper(ServerOptions(keepalive=5))
    broken, sound = (Connection(served.transport, broken=broken) for broken in (True, False))
    found.add(broken)
    found.add(sound)

    with caplog.at_level(logging.ERROR):
        for now in (10, 20, 30):
            found.sweep(now)

    assert sound.given_up == 3
    assert len(caplog.records) == 1
    found.stop()
    await served.over()


async def test_the_timer_goes_on_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "SWEEP_SECONDS", 0.01)
    served = Served()
    found = Sweeper(ServerOptions(keepalive=0.001))
    broken, sound = (Connection(served.transport, broken=broken) for broken in (True, False))
    found.add(broken)
    found.add(sound)

    await asyncio.wait_for(sound.thrice.wait(), 10)
    found.stop()
    await served.over()


async def test_a_client_that_leaves_while_it_is_not_read_is_noticed() -> None:
    """Nobody polls a socket that is not read and has nothing to send."""
    ours, theirs = socket.socketpair()
    served = Served()
    transport = Notes(served.server(), {"socket": ours})
    transport.feed(get("/later"))
    await turns()
    transport.pause_reading()
    served.sweep(10)
    assert not transport.aborted

    theirs.close()
    served.sweep(10)

    assert transport.aborted
    assert transport.protocol.state is ANSWER
    transport.resume_reading()
    assert not departed(transport)  # the loop reads it, and tells
    ours.close()
    await transport.hang_up()
    await served.over()


async def test_all_are_ended_at_once() -> None:
    served = Served()
    found = Sweeper(ServerOptions())
    connections = [Connection(served.transport) for _ in range(3)]
    for connection in connections:
        found.add(connection)

    await found.shutdown(1.0)

    assert {connection.state for connection in connections} == {CLOSED}
    found.stop()
    await served.over()
