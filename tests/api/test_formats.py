"""Another format, another grammar and another provider cost a file and a line each: a test adds all three while it runs."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest

from gateway.api.formats import FORMATS
from gateway.api.formats.base import OpenAIFormat
from gateway.errors import GatewayError, InvalidRequest, UpstreamError
from gateway.native import Canon, Grammar, Reading, Scanner
from gateway.policy.route import Step
from gateway.providers.base import Outgoing, Provider, Target
from gateway.providers.openai import Verbatim
from tests.api.over_http import served
from tests.scripted import Route, Script


def test_every_format_has_a_name_and_paths_of_its_own() -> None:
    paths = [path for format in FORMATS for path in format.paths]
    assert [format.name for format in FORMATS] == ["chat", "completions", "embeddings"]
    assert len(set(paths)) == len(paths)


class Haiku(OpenAIFormat):
    """Poems: `{"muse": …, "theme": …}` in, `{"lines": […], "syllables": …}` out, never streamed; errors are verse too."""

    name = "haiku"
    paths = ("/v1/haiku",)
    grammar = Grammar(
        "haiku",
        {"muse": {"means": "model"}, "theme": {"type": "string", "required": True, "means": "question"}},
    )
    prompt = "theme"
    kind = "embeddings"  # a whole JSON object with a usage

    def scanner(self, request: Reading, *, stream: bool) -> Scanner:
        return Scanner(whole=True, kind="embeddings", n=1)

    def frame(self, request: Reading) -> Callable[[bytes], bytes]:
        return lambda answer: answer.upper()

    def error(self, error: GatewayError, *, stream: bool) -> bytes:
        return b"alas: " + (error.code or "").encode()


class Parnassus:
    """A provider's dialect of its own."""

    def encode(self, request: Reading, target: Target) -> Outgoing:
        return Outgoing(f"/muses/{target.model}", (("x-lyre", target.provider.api_key),), request.body)

    def decoder(self, request: Reading) -> Verbatim:
        return Verbatim()

    def failure(self, provider: Provider, status: int, headers: dict[str, str], body: bytes) -> UpstreamError:
        return UpstreamError("no inspiration", code="silent_muse")

    def listing(self, provider: Provider) -> Outgoing:
        return Outgoing("/muses", (), b"", "GET")

    def listed(self, body: bytes) -> list[str]:
        return []


class Muses:
    def plan(self, model: str) -> tuple[Step, ...]:
        return (Step(Target(Provider("parnassus", "http://p.test", Parnassus(), "golden"), model)),)


POEM = orjson.dumps(
    {"object": "list", "data": [{"embedding": [1.0]}], "usage": {"prompt_tokens": 4, "total_tokens": 4}}
)


async def test_a_format_and_a_provider_are_added_without_a_change_elsewhere() -> None:
    route = Route(Script(POEM), Script(b"{}", status=500))
    route.pipeline.router.plan = Muses().plan  # type: ignore[method-assign]
    async with served(route, [*FORMATS, Haiku()]) as client:
        first = await client.post("/v1/haiku", json={"muse": "erato", "theme": "rain"})
        again = await client.post("/v1/haiku", content=b'{ "theme":"rain", "muse":"erato" }')
        failed = await client.post("/v1/haiku", json={"muse": "erato", "theme": "snow"})
        refused = await client.post("/v1/haiku", json={"muse": "erato"})

    assert first.content == again.content == POEM.upper()
    assert (first.headers["x-gateway-cache"], again.headers["x-gateway-cache"]) == ("miss", "hit")
    assert (failed.status_code, failed.content) == (502, b"alas: silent_muse")
    assert (refused.status_code, refused.content[:6]) == (400, b"alas: ")
    ((name, outgoing), _) = route.transport.sent
    assert (name, outgoing.path, outgoing.headers) == ("parnassus", "/muses/erato", (("x-lyre", "golden"),))
    assert [(row.endpoint, row.model, row.outcome) for row in route.rows] == [
        ("haiku", "erato", "ok"),
        ("haiku", "erato", "ok"),
        ("haiku", "erato", "failed"),
        ("haiku", "", "refused"),
    ]
    assert route.rows[0].input_tokens == 4


def test_the_same_body_means_another_thing_in_another_format() -> None:
    canon = Canon(b"secret")
    with pytest.raises(InvalidRequest):
        FORMATS[0].read(canon, b'{"muse":"erato","theme":"rain"}')
    assert Haiku().read(canon, b'{"muse":"erato","theme":"rain"}').question == "rain"
