from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from aiohttp import web

from gateway.chat.names import NAME_BYTES
from gateway.control.listing import MOST_MODELS, Listing
from gateway.providers.base import Provider
from gateway.providers.table import OPENAI

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Answer], Awaitable[Provider]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    runners: list[web.AppRunner] = []

    async def start(answer: Answer) -> Provider:
        app = web.Application()
        app.router.add_get("/v1/models", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        return Provider(f"p{len(runners)}", f"http://{host}:{port}/v1", OPENAI, api_key="sk-1")

    yield start
    for runner in runners:
        await runner.cleanup()


def models(*names: object, status: int = 200) -> Answer:
    async def answer(request: web.Request) -> web.Response:
        assert request.headers["authorization"] == "Bearer sk-1"
        return web.Response(status=status, body=orjson.dumps({"data": [{"id": name} for name in names]}))

    return answer


async def test_each_provider_lists_its_own_models(serve: Serve) -> None:
    listing = Listing([await serve(models("a", "b")), await serve(models("c"))])

    await listing.refresh()

    assert listing.models == {"p1": ("a", "b"), "p2": ("c",)}


async def test_a_provider_that_fails_keeps_the_list_that_it_gave_before(serve: Serve) -> None:
    answers = [models("a"), models(status=500)]

    async def answer(request: web.Request) -> web.StreamResponse:
        return await answers.pop(0)(request)

    listing = Listing([await serve(answer), Provider("gone", "http://127.0.0.1:1/v1", OPENAI)])
    await listing.refresh()
    await listing.refresh()

    assert listing.models == {"p1": ("a",)}


@pytest.mark.parametrize("body", [b"", b"no JSON", b"null", b"[]", b'{"data":3}', b'{"data":[3,{"id":{}}]}', b"\xff"])
async def test_what_is_no_list_is_none(serve: Serve, body: bytes) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body)

    listing = Listing([await serve(answer)])
    await listing.refresh()

    assert "x" not in listing.models.get("p1", ())


async def test_names_are_bounded_in_number_and_length_and_can_be_shown(serve: Serve) -> None:
    hostile = ["x" * (NAME_BYTES + 1), "é" * NAME_BYTES, "a\nb", "good", *(f"m{n}" for n in range(MOST_MODELS + 5))]
    listing = Listing([await serve(models(*hostile))])

    await listing.refresh()

    names = listing.models["p1"]
    assert names[0] == "good"
    assert len(names) <= MOST_MODELS


async def test_a_redirect_is_not_followed(serve: Serve) -> None:
    followed = False

    async def elsewhere(_: web.Request) -> web.Response:
        nonlocal followed
        followed = True
        return web.Response(body=b'{"data":[{"id":"x"}]}')

    target = await serve(elsewhere)

    async def answer(_: web.Request) -> web.Response:
        raise web.HTTPFound(f"{target.base_url}/models")

    listing = Listing([await serve(answer)])
    await listing.refresh()

    assert listing.models == {}
    assert not followed


@pytest.mark.parametrize("host", ["metadata.test", "169.254.169.254"])
@pytest.mark.parametrize("allowed", [False, True])
async def test_a_link_local_address_is_sent_no_key_unless_it_is_allowed(
    host: str,
    allowed: bool,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    connect, dialled = loop.sock_connect, []
    provider = await serve(models("a"))
    there = urlsplit(provider.base_url)

    async def resolve(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("169.254.169.254", 80))]

    async def elsewhere(sock: socket.socket, _: Any) -> None:
        dialled.append(sock)
        await connect(sock, (there.hostname, there.port))

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    monkeypatch.setattr(loop, "sock_connect", elsewhere)
    listing = Listing([replace(provider, base_url=f"http://{host}/v1", link_local=allowed)])
    with caplog.at_level(logging.WARNING):
        await listing.refresh()

    assert listing.models == ({"p1": ("a",)} if allowed else {})
    assert bool(dialled) is allowed
    assert ("providers.p1.link_local" in caplog.text) is not allowed


async def test_the_demo_is_not_asked() -> None:
    listing = Listing([Provider("demo", "demo:", OPENAI)])

    await listing.refresh()

    assert listing.models == {}
