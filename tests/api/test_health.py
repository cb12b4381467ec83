"""Whether it lives, and whether it is ready."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.api import wire
from gateway.api.health import Health
from tests.api.test_wire import Taking, asked


def health(wrong: dict[str, str]) -> Health:
    return Health(lambda: wrong)


async def told(reply: wire.Reply) -> tuple[bytes, Any]:
    client = Taking()
    reply.write(client)
    return client.pieces[0].split(b"\r\n")[0], orjson.loads(client.body)


async def test_it_lives_whatever_is_wrong() -> None:
    reply = await health({"server": "draining"}).live(asked())

    assert await told(reply) == (b"HTTP/1.1 200 OK", {"status": "alive"})


async def test_it_is_ready_when_nothing_is_wrong() -> None:
    assert await told(await health({}).ready(asked())) == (b"HTTP/1.1 200 OK", {"status": "ready"})


@pytest.mark.parametrize("wrong", [{"server": "draining"}, {"ledger": "full", "controller": "away"}])
async def test_otherwise_it_says_everything_that_is_wrong(wrong: dict[str, str]) -> None:
    status, body = await told(await health(wrong).ready(asked()))

    assert status == b"HTTP/1.1 503 Service Unavailable"
    assert body == {"status": "not ready", "reasons": wrong}
