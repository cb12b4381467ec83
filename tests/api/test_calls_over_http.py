"""Calls over HTTP: what a client gets for each way that one can go."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import httpx2 as httpx
import orjson
import pytest

from gateway.errors import UpstreamInterrupted, UpstreamTimeout
from gateway.policy.keys import Key, digest
from tests.api.over_http import served
from tests.scripted import ROLE, SECRET, STREAM, Route, Script, delta, event, whole

PATH = "/v1/chat/completions"


def asks(**fields: Any) -> dict[str, Any]:
    return {"model": "gpt", "messages": [{"role": "user", "content": "Hi"}], **fields}


async def test_a_whole_answer_is_one_body_as_it_came() -> None:
    async with served(Route(Script(whole()))) as client:
        response = await client.post(PATH, json=asks())

    assert (response.status_code, response.content) == (200, whole())
    assert response.headers["content-type"] == "application/json"
    assert response.headers["content-length"] == str(len(whole()))
    assert response.headers["x-gateway-cache"] == "miss"


async def test_a_streamed_answer_is_its_events_and_done() -> None:
    async with served(Route(Script(*STREAM), Script(*STREAM))) as client:
        plain = await client.post(PATH, json=asks(stream=True))
        asked = await client.post(PATH, json=asks(stream=True, seed=1, stream_options={"include_usage": True}))

    assert plain.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert plain.content == b"".join(STREAM[:3]) + b"data: [DONE]\n\n"
    assert asked.content == b"".join(STREAM)


@pytest.mark.parametrize("times", [1, 2])
async def test_an_answer_of_nothing_but_usage_is_an_empty_stream_that_ends_well(times: int) -> None:
    usage = event(choices=[], usage={"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1})
    route = Route(*(Script(usage, b"data: [DONE]\n\n") for _ in range(times)))
    async with served(route) as client:
        for _ in range(times):
            response = await client.post(PATH, json=asks(stream=True))
            assert (response.status_code, response.content) == (200, b"data: [DONE]\n\n")


async def test_a_failure_before_the_head_has_a_status_and_openais_error() -> None:
    async with served(Route(UpstreamTimeout("one did not answer in time."))) as client:
        response = await client.post(PATH, json=asks(stream=True))

    assert response.status_code == 504
    assert response.json() == {
        "error": {
            "message": "one did not answer in time.",
            "type": "upstream_error",
            "param": None,
            "code": "upstream_timeout",
        }
    }
    assert response.headers["x-gateway-attempts"] == "1"


async def test_a_failure_after_the_head_is_an_event_and_a_cut() -> None:
    route = Route(Script(ROLE, delta("Hel"), UpstreamInterrupted("one broke off.")))
    received = b""
    async with served(route) as client, client.stream("POST", PATH, json=asks(stream=True)) as response:
        with suppress(httpx.RemoteProtocolError):  # the chunked encoding has no end
            async for piece in response.aiter_bytes():
                received += piece

    *events, last = received.removesuffix(b"\n\n").split(b"\n\n")
    assert b"".join(part + b"\n\n" for part in events) == ROLE + delta("Hel")
    assert orjson.loads(last.removeprefix(b"data: "))["error"]["code"] == "upstream_interrupted"


async def test_a_refusal_carries_its_headers() -> None:
    route = Route(Script(whole()), key=Key("k", digest(SECRET), requests_per_minute=1))
    async with served(route) as client:
        admitted = await client.post(PATH, json=asks())
        refused = await client.post(PATH, json=asks())

    assert admitted.headers["x-ratelimit-remaining-requests"] == "0"
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) == 60


async def test_the_ledger_that_is_full_is_told_as_such() -> None:
    route = Route()
    route.book.full = True
    async with served(route) as client:
        response = await client.post(PATH, json=asks())

    assert (response.status_code, response.json()["error"]["code"]) == (503, "ledger_full")


@pytest.mark.parametrize("sent", ["mine-1", "a" * 128])
async def test_a_clients_own_request_id_comes_back_and_is_in_the_ledger(sent: str) -> None:
    route = Route(Script(whole()))
    async with served(route) as client:
        response = await client.post(PATH, json=asks(), headers={"x-request-id": sent})

    assert response.headers["x-request-id"] == route.row.request_id == sent
    assert response.headers["x-gateway-id"] == route.row.id != sent


@pytest.mark.parametrize("sent", ["", "a" * 129, "two words"])
async def test_an_id_that_cannot_be_told_back_gives_way_to_ours(sent: str) -> None:
    route = Route(Script(whole()))
    async with served(route) as client:
        response = await client.post(PATH, json=asks(), headers={"x-request-id": sent})

    assert response.headers["x-request-id"] == response.headers["x-gateway-id"] == route.row.id == route.row.request_id


async def test_a_client_that_goes_is_seen_by_the_provider_and_the_ledger() -> None:
    script = Script(ROLE, delta("Hello"), asyncio.Event())
    route = Route(script)
    async with served(route) as client:
        async with client.stream("POST", PATH, json=asks(stream=True)) as response:
            await anext(response.aiter_bytes())
        await asyncio.wait_for(script.closed.wait(), 5)

    assert route.row.outcome == "hung_up"


async def test_hops_are_passed_on() -> None:
    hops: list[int] = []
    route = Route(Script(whole()))
    send = route.transport.send

    async def noting(provider: Any, outgoing: Any, passed: int = 0) -> Script:
        hops.append(passed)
        return await send(provider, outgoing)

    route.transport.send = noting  # type: ignore[method-assign]
    async with served(route) as client:
        await client.post(PATH, json=asks(), headers={"x-gateway-hops": "2"})

    assert hops == [2]
