"""Making connections: what cannot be reached is told apart from what takes too long."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import UpstreamTimeout, UpstreamUnreachable
from gateway.providers.base import Provider, Timeouts
from gateway.providers.table import OPENAI
from gateway.upstream.pool import Pool
from tests.upstream.raw import ask, sends, serving, sized


class Moved:
    """A transport that says its peer is elsewhere."""

    def __init__(self, transport: asyncio.Transport, peer: str) -> None:
        self._transport, self._peer = transport, peer

    def get_extra_info(self, name: str) -> object:
        return (self._peer, 80) if name == "peername" else self._transport.get_extra_info(name)


async def test_a_provider_that_is_not_there_is_unreachable() -> None:
    async with serving(sends()) as (_, pool, provider):
        pass

    with pytest.raises(UpstreamUnreachable, match="acme could not be reached"):
        await ask(pool, provider)


async def test_a_connection_that_is_not_accepted_in_time_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", never)
    provider = Provider("acme", "http://127.0.0.1:9/v1", OPENAI, timeouts=Timeouts(connect=0.05))

    with pytest.raises(UpstreamTimeout, match="did not accept a connection in time"):
        await ask(Pool(), provider)


@pytest.mark.parametrize("host", ["bad..host", "x" * 64 + ".example", "nowhere.invalid"])
async def test_a_host_name_that_leads_nowhere_is_unreachable_and_not_told(host: str) -> None:
    with pytest.raises(UpstreamUnreachable) as caught:
        await ask(Pool(), Provider("acme", f"http://{host}:9/v1", OPENAI))

    assert caught.value.message == "acme could not be reached."


async def test_a_connection_that_is_closed_as_soon_as_it_is_made_is_not_counted() -> None:
    listener = await asyncio.start_server(lambda _, writer: writer.transport.abort(), "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    pool = Pool()
    for _ in range(20):
        with pytest.raises(UpstreamUnreachable, match="before the request reached it"):
            await ask(pool, Provider("acme", f"http://127.0.0.1:{port}/v1", OPENAI))
    await asyncio.sleep(0.01)

    assert len(pool) == 0
    listener.close()


@pytest.mark.parametrize("peer", ["169.254.169.254", "fe80::1%eth0"])
@pytest.mark.parametrize("allowed", [False, True])
async def test_a_name_that_stands_for_a_link_local_address_is_not_asked(
    peer: str, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    connect = loop.create_connection

    async def elsewhere(*what: Any, **how: Any) -> tuple[Any, Any]:
        transport, connection = await connect(*what, **how)
        return Moved(transport, peer), connection

    async with serving(sends(sized(b"{}"))) as (server, pool, provider):
        monkeypatch.setattr(loop, "create_connection", elsewhere)
        if allowed:
            assert await ask(pool, replace(provider, link_local=True)) == (200, b"{}")
            return
        with pytest.raises(UpstreamUnreachable, match=r"link-local.*providers\.acme\.link_local"):
            await ask(pool, provider)
        await asyncio.wait_for(server.gone.wait(), 5)

        assert server.requests == []
        assert len(pool) == 0
