from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.control.server import application
from gateway.errors import RateLimited
from gateway.inheritance import MARK

Client = TestClient[web.Request, web.Application]


async def fine(_: web.Request) -> web.Response:
    return web.Response(text="fine")


async def refused(_: web.Request) -> web.Response:
    raise RateLimited(headers={"retry-after": "7"})


async def broken(_: web.Request) -> web.Response:
    raise ValueError("a secret: sk-123")


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    public = {"GET /fine": fine, "GET /refused": refused, "GET /broken": broken}
    async with TestClient(TestServer(application(public, {"POST /own": fine}))) as client:
        yield client


async def test_a_gateway_error_keeps_its_status_fields_and_headers(client: Client) -> None:
    answer = await client.get("/refused")

    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    assert (await answer.json())["error"]["code"] == "rate_limit_exceeded"


async def test_anything_else_is_a_500_that_says_nothing_of_it(client: Client) -> None:
    answer = await client.get("/broken")

    assert answer.status == 500
    assert "sk-123" not in await answer.text()


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("POST", "/fine", 405)])
async def test_routes_that_are_not_there_are_errors_of_openai_s_shape(
    client: Client, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)

    assert answer.status == status
    assert set((await answer.json())["error"]) == {"message", "type", "param", "code"}


async def test_only_the_gateway_s_own_processes_reach_internal_routes(client: Client) -> None:
    assert (await client.post("/own")).status == 404
    assert (await client.post("/own", headers=MARK)).status == 200
