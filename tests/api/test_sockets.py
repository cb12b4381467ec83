"""How much of an answer may wait for a client that takes nothing: over a real socket."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

import pytest
import uvloop

from gateway.api.sockets import MOST_UNSENT, MOST_WAITING, bound


class Sending(asyncio.Protocol):
    """Sends until it is told to pause."""

    def __init__(self, bounded: bool) -> None:
        self.bounded = bounded
        self.sent = 0
        self.paused = False
        loop = asyncio.get_running_loop()
        self.made, self.lost = loop.create_future(), loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self.bounded:
            bound(self.transport)
        self.made.set_result(None)

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost.set_result(None)


async def flood(bounded: bool) -> tuple[int, int]:
    """Bytes that were taken for a client that reads nothing, and those of them that wait in this process."""
    loop = asyncio.get_running_loop()
    sending = Sending(bounded)
    server = await loop.create_server(lambda: sending, "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 10)
        await sending.made
        for _ in range(400):
            while not sending.paused and sending.sent < 64 << 20:
                sending.transport.write(b"x" * 4096)
                sending.sent += 4096
                await asyncio.sleep(0)
            await asyncio.sleep(0.001)
        waiting = sending.transport.get_write_buffer_size()
    await asyncio.wait_for(sending.lost, 5)
    server.close()
    return sending.sent, waiting


def test_a_stalled_client_costs_little_and_is_noticed_when_it_leaves() -> None:
    sent, waiting = uvloop.run(flood(bounded=True))

    assert waiting <= MOST_WAITING + 4096
    assert sent - waiting < MOST_UNSENT + (128 << 10)  # with what the client's own kernel holds


@pytest.mark.parametrize("family", [socket.AF_UNIX])
async def test_other_sockets_than_tcps_are_left_alone(family: int) -> None:
    ours, theirs = socket.socketpair(family)
    transport, _ = await asyncio.get_running_loop().create_connection(lambda: Sending(bounded=True), sock=ours)
    transport.close()
    theirs.close()
    await asyncio.sleep(0)
