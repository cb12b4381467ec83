"""`POST /v1/embeddings`: whole answers, paid for by their input."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.api.formats.embeddings import Embeddings
from gateway.errors import InvalidRequest
from tests.api.over_http import served
from tests.scripted import Route, Script

ASKED = {"model": "text-embedding-3-small", "input": "Hello there"}


def vectors(**fields: Any) -> bytes:
    data = [{"object": "embedding", "index": 0, "embedding": [0.25, -1.0]}]
    usage = {"prompt_tokens": 10, "total_tokens": 10}
    return orjson.dumps({"object": "list", "data": data, "model": "m", "usage": usage, **fields})


async def test_it_is_asked_for_at_the_providers_own_endpoint_kept_and_paid_for_by_its_input() -> None:
    route = Route(Script(vectors()))
    async with served(route) as client:
        first = await client.post("/v1/embeddings", json=ASKED)
        again = await client.post("/embeddings", json={**ASKED, "user": "somebody"})

    assert first.content == again.content == vectors()
    ((_, outgoing),) = route.transport.sent
    assert (outgoing.path, orjson.loads(outgoing.body)) == ("/embeddings", ASKED)
    miss, hit = route.rows
    assert (miss.endpoint, miss.input_tokens, miss.output_tokens, miss.cost_pico) == (
        "embeddings",
        10,
        0,
        10 * 2_000_000,
    )
    assert (hit.cache, hit.cost_pico, hit.saved_pico) == ("hit", 0, 10 * 2_000_000)


@pytest.mark.parametrize(
    ("asked", "tokens"),
    [("Hello there", 2), (["Hello there", "Hello"], 4), ([1, 2, 3], 3), ([[1, 2], [3]], 3), ("x " * 600_000, 600_000)],
)
async def test_without_usage_the_input_is_counted(asked: Any, tokens: int) -> None:
    route = Route(Script(vectors(usage=None)))
    await route.ask(format=Embeddings(), messages=None, model="text-embedding-3-small", input=asked)

    assert route.row.input_tokens == pytest.approx(tokens, rel=0.01)
    assert (route.row.output_tokens, route.row.cost_source) == (0, "estimated")


@pytest.mark.parametrize("change", [{"input": "Hello"}, {"dimensions": 8}, {"encoding_format": "base64"}])
async def test_what_changes_the_vectors_changes_the_key(change: dict[str, Any]) -> None:
    route = Route(Script(vectors()), Script(vectors()))
    for fields in (ASKED, ASKED | change):
        await route.ask(format=Embeddings(), messages=None, **fields)

    assert [row.cache for row in route.rows] == ["miss", "miss"]


async def test_input_is_required() -> None:
    route = Route()
    with pytest.raises(InvalidRequest) as refused:
        await route.ask(format=Embeddings())
    assert refused.value.param == "input"
