"""`POST /v1/completions`: cached, shared, limited and accounted for as chat completions are."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from gateway.api.formats.completions import Completions
from gateway.errors import InvalidRequest
from tests.api.over_http import served
from tests.scripted import COST, USAGE, Route, Script, event, turns

ASKED = {"model": "gpt", "prompt": "Once upon"}


def text(text: str, finish: str | None = None) -> bytes:
    return event(object="text_completion", choices=[{"index": 0, "text": text, "finish_reason": finish}])


STREAM = [text("a time"), text("", "stop"), event(choices=[], usage=USAGE), b"data: [DONE]\n\n"]


def whole(**fields: Any) -> bytes:
    choice = {"index": 0, "text": "a time", "logprobs": None, "finish_reason": "stop"}
    return orjson.dumps({"object": "text_completion", "choices": [choice], "usage": USAGE, **fields})


async def ask(route: Route, **fields: Any) -> list[bytes]:
    return await route.ask(format=Completions(), messages=None, prompt="Once upon", **fields)


async def test_it_goes_to_the_providers_own_endpoint_and_comes_back_as_it_is() -> None:
    route = Route(Script(whole()), Script(*STREAM))
    async with served(route) as client:
        body = await client.post("/v1/completions", json=ASKED)
        events = await client.post("/completions", json={**ASKED, "stream": True, "seed": 1})

    assert body.content == whole()
    assert events.content == b"".join(STREAM[:2]) + b"data: [DONE]\n\n"
    assert [outgoing.path for _, outgoing in route.transport.sent] == ["/completions"] * 2
    assert [(row.endpoint, row.cost_pico, row.outcome) for row in route.rows] == [("completions", COST, "ok")] * 2


@pytest.mark.parametrize("kept", [True, False])
async def test_it_is_kept_in_either_shape(kept: bool) -> None:
    route = Route(Script(*STREAM) if kept else Script(whole()))
    await ask(route, stream=kept)
    (other,) = await ask(route, stream=not kept)

    assert b'"text":"a time"' in other
    assert [row.cache for row in route.rows] == ["miss", "hit"]


async def test_identical_ones_share_a_flight() -> None:
    gate = asyncio.Event()
    route = Route(Script(gate, whole()))
    calls = [asyncio.create_task(ask(route)) for _ in range(3)]
    await turns()
    gate.set()

    assert await asyncio.gather(*calls) == [[whole()]] * 3
    assert sorted(row.cache for row in route.rows) == ["coalesced", "coalesced", "miss"]


@pytest.mark.parametrize(
    ("prompt", "tokens"), [("Once upon", 2), (["Once upon", "a time"], 5), ([1, 2, 3], 3), ([[1], [2, 3]], 3)]
)
async def test_without_usage_the_prompt_is_counted(prompt: Any, tokens: int) -> None:
    route = Route(Script(whole(usage=None)))
    await route.ask(format=Completions(), messages=None, model="gpt-4o", prompt=prompt, n=1)

    assert (route.row.input_tokens, route.row.output_tokens) == (tokens, 2)
    assert route.row.cost_source == "estimated"


async def test_an_answer_cut_short_is_not_kept() -> None:
    cut = [text("a time"), b"data: [DONE]\n\n"]
    route = Route(Script(*cut), Script(*cut))
    await ask(route, stream=True)
    await ask(route, stream=True)

    assert [(row.cache, row.outcome) for row in route.rows] == [("miss", "partial")] * 2


async def test_a_chat_and_a_completion_share_nothing() -> None:
    route = Route(Script(whole()))
    with pytest.raises(InvalidRequest, match="prompt"):
        await route.ask(format=Completions())
