from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.control.admin import Admin
from gateway.control.pages import State
from gateway.control.server import application
from gateway.policy.keys import Key, Keyring, digest

ADMIN, CALLER = "the-admin-key", "sk-gw-1-callers"
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    ring = Keyring(anonymous=True)
    ring.replace([Key("1", digest(CALLER))], admin=digest(ADMIN), ever=False)

    async def costs(*asked: str | None) -> dict[str, Any]:
        return {"asked": asked}

    async def exposition() -> bytes:
        return b"up 1\n"

    def state(address: str) -> State:
        return State("1.0", address, ("demo",), {}, "demo", open_to_guests=True)

    admin = Admin(ring, costs=costs, exposition=exposition, state=state)
    routes = {"GET /": admin.page, "GET /costs": admin.costs, "GET /metrics": admin.metrics}
    async with TestClient(TestServer(application(routes, {}))) as client:
        yield client


async def test_costs_are_the_admin_s_to_ask(client: Client) -> None:
    headers = {"authorization": f"Bearer {ADMIN}"}
    answer = await client.get("/costs", params={"from": "2026-01-01", "group_by": "key"}, headers=headers)

    assert (await answer.json()) == {"asked": ["2026-01-01", None, "key"]}


@pytest.mark.parametrize(("key", "status"), [("", 403), (CALLER, 403), ("sk-gw-2-wrong", 401), (ADMIN + "x", 403)])
async def test_nobody_else_s(client: Client, key: str, status: int) -> None:
    answer = await client.get("/costs", headers={"x-api-key": key} if key else {})

    assert answer.status == status


async def test_an_unknown_parameter_is_named(client: Client) -> None:
    answer = await client.get("/costs", params={"form": "2026"}, headers={"x-api-key": ADMIN})

    assert answer.status == 400
    assert (await answer.json())["error"]["param"] == "form"


async def test_metrics_need_no_key(client: Client) -> None:
    answer = await client.get("/metrics")

    assert (await answer.text(), answer.headers["content-type"].partition(";")[0]) == ("up 1\n", "text/plain")


async def test_the_page_is_for_browsers_and_programs(client: Client) -> None:
    browser = await client.get("/", headers={"accept": "text/html,*/*;q=0.8", "host": "gateway.example:4000"})
    program = await client.get("/")

    assert browser.headers["content-security-policy"].startswith("default-src 'none'")
    assert "curl http://gateway.example:4000/v1/chat/completions" in await browser.text()
    assert (await program.json())["name"] == "llm-gateway"
