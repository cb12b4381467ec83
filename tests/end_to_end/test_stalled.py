"""Clients that take nothing of what they asked for: each costs little, and none is kept once it has left."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.api.connection import MOST_HELD
from tests.end_to_end.conftest import ask
from tests.end_to_end.gateway import Gateway
from tests.end_to_end.processes import parts, wait_until
from tests.end_to_end.upstream import HANG, STREAM_HEAD, Received, Upstream, delta, event

STALLED = 1000
EACH = 100 << 10
"""Bytes of memory that a stalled reader may cost, however long its stream is."""


@pytest.fixture
def upstream(shared_upstream: Upstream) -> Upstream:
    return shared_upstream.reset()


@pytest.fixture
def gateway(shared_gateway: Gateway, upstream: Upstream) -> Gateway:
    return shared_gateway


async def flood(_: Received) -> AsyncIterator[Any]:
    """Events without end, as fast as they are taken."""
    yield STREAM_HEAD
    block = event(delta("some words, " * 20)) * 100
    while True:
        yield block


def stall(gateway: Gateway, number: int) -> socket.socket:
    """Asks for a stream and reads nothing of it."""
    body = orjson.dumps(ask(f"stalled {number}", stream=True))
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 10)
    host, port = gateway.url.removeprefix("http://").split(":")
    client.connect((host, int(port)))
    client.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: %b\r\ncontent-length: %d\r\n\r\n" % (host.encode(), len(body))
    )
    client.sendall(body)
    return client


def memory(pid: int) -> int:
    """Resident bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) << 10


def settled(pid: int) -> int:
    """Resident bytes once they grow no more."""
    seen, still = memory(pid), 0
    while still < 5:
        time.sleep(0.3)
        now = memory(pid)
        still = still + 1 if now < seen + (256 << 10) else 0
        seen = max(seen, now)
    return seen


def test_stalled_readers_cost_little_and_are_gone_when_they_leave(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer = flood
    worker = parts(gateway.process.pid)["worker"]
    with ExitStack() as first:
        for number in range(10):  # what the first ones cost is not theirs alone
            first.enter_context(stall(gateway, number))
        wait_until(lambda: len(upstream.calls) == 10)
        before = settled(worker)

        with ExitStack() as clients:
            for number in range(10, 10 + STALLED):
                clients.enter_context(stall(gateway, number))
            wait_until(lambda: len(upstream.calls) == 10 + STALLED)
            assert settled(worker) - before <= STALLED * EACH

    left = time.monotonic()
    wait_until(lambda: len(gateway.rows()) == 10 + STALLED, 30)
    assert time.monotonic() - left < 5
    assert {row["outcome"] for row in gateway.rows()} == {"hung_up"}


def test_a_client_that_leaves_while_it_is_not_read_is_noticed(gateway: Gateway, upstream: Upstream) -> None:
    """It has sent so many requests ahead that its socket is not read, and it is sent nothing: the loop does not watch it."""

    async def silent(_: Received) -> AsyncIterator[Any]:
        yield STREAM_HEAD
        yield HANG

    upstream.answer = silent
    client = stall(gateway, -1)
    wait_until(lambda: upstream.calls)
    ahead = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n"
    client.sendall(ahead * (MOST_HELD // len(ahead) + 1))
    time.sleep(0.2)

    client.close()

    wait_until(lambda: upstream.open == 0, 5)
    assert [row["outcome"] for row in gateway.rows()] == ["hung_up"]
