"""The current OpenAI SDK against the gateway: what it is told, in every way of asking."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import httpx2 as httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.end_to_end import reading
from tests.end_to_end.answers import TOOLS, TWO_CHOICES, body, choice, gives, gives_stream, part
from tests.end_to_end.gateway import Gateway
from tests.end_to_end.upstream import STREAM_HEAD, USAGE, Upstream, completion, event

MODEL = "gpt-4o-mini"
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture
def upstream(shared_upstream: Upstream) -> Upstream:
    return shared_upstream.reset()


@pytest.fixture
def gateway(shared_gateway: Gateway) -> Gateway:
    return shared_gateway


@pytest.fixture
def sdk(gateway: Gateway, upstream: Upstream) -> Iterator[OpenAI]:
    with connect(gateway) as client:
        yield client


@pytest.fixture
async def async_sdk(gateway: Gateway, upstream: Upstream) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="anything", max_retries=0) as client:
        yield client


@pytest.fixture
def call(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The arguments of a call that no other test makes."""
    return {"model": MODEL, "messages": [{"role": "user", "content": request.node.name}]}


def connect(gateway: Gateway, key: str = "anything", **options: Any) -> OpenAI:
    return OpenAI(**{"base_url": f"{gateway.url}/v1", "api_key": key, "max_retries": 0, **options})


# Answers


def test_whole(sdk: OpenAI, upstream: Upstream, call: dict[str, Any]) -> None:
    reply = sdk.chat.completions.create(**call, user="someone")
    assert reply.choices[0].message.content == "Hello there."
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.to_dict() == USAGE
    (received,) = upstream.calls
    assert received.json == {**call, "user": "someone"}
    assert received.headers["authorization"] == "Bearer sk-upstream-secret"


async def test_whole_async(async_sdk: AsyncOpenAI, call: dict[str, Any]) -> None:
    reply = await async_sdk.chat.completions.create(**call)
    assert reply.choices[0].message.content == "Hello there."


def test_streamed(sdk: OpenAI, call: dict[str, Any]) -> None:
    with sdk.chat.completions.create(**call, stream=True) as stream:
        answer = reading.streamed(stream)
    assert answer["choices"][0]["text"] == "Hello there. "
    assert answer["choices"][0]["finish_reason"] == "stop"


async def test_streamed_async(async_sdk: AsyncOpenAI, call: dict[str, Any]) -> None:
    stream = await async_sdk.chat.completions.create(**call, stream=True)
    answer = reading.streamed([chunk async for chunk in stream])
    assert answer["choices"][0]["text"] == "Hello there. "
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_usage_that_was_not_asked_for_is_not_shown(sdk: OpenAI, upstream: Upstream, call: dict[str, Any]) -> None:
    chunks = list(sdk.chat.completions.create(**call, stream=True))
    assert all(chunk.choices for chunk in chunks)
    assert not any("usage" in chunk.model_fields_set for chunk in chunks)
    assert upstream.calls[0].json["stream_options"] == {"include_usage": True}


def test_usage_that_was_asked_for_comes_last(sdk: OpenAI, call: dict[str, Any]) -> None:
    *chunks, last = list(sdk.chat.completions.create(**call, stream=True, stream_options={"include_usage": True}))
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.to_dict() == USAGE
    assert all(chunk.usage is None and "usage" in chunk.model_fields_set for chunk in chunks)


def test_usage_asked_for_later_comes_out_of_the_cache(sdk: OpenAI, upstream: Upstream, call: dict[str, Any]) -> None:
    without = list(sdk.chat.completions.create(**call, stream=True))
    *chunks, last = list(sdk.chat.completions.create(**call, stream=True, stream_options={"include_usage": True}))
    assert len(upstream.calls) == 1
    assert len(chunks) == len(without)
    assert last.usage is not None
    assert last.usage.to_dict() == USAGE


def test_tools(sdk: OpenAI, upstream: Upstream, call: dict[str, Any]) -> None:
    upstream.answer = TOOLS
    reply = sdk.chat.completions.create(**call, tools=[WEATHER], tool_choice="auto")
    first, second = reply.choices[0].message.tool_calls or ()
    assert (first.id, first.function.name, first.function.arguments) == ("call_1", "weather", '{"city":"Köln"}')
    assert (second.id, second.function.name, second.function.arguments) == ("call_2", "clock", '{"zone":"CET"}')
    assert reply.choices[0].finish_reason == "tool_calls"
    assert reply.choices[0].message.content is None
    assert upstream.calls[0].json["tools"] == [WEATHER]


def test_tools_streamed(sdk: OpenAI, upstream: Upstream, call: dict[str, Any]) -> None:
    upstream.answer = TOOLS
    chunks = list(sdk.chat.completions.create(**call, tools=[WEATHER], stream=True))
    pieces = [piece for chunk in chunks for piece in chunk.choices[0].delta.tool_calls or ()]
    assert [piece.id for piece in pieces] == ["call_1", None, None, "call_2", None]
    assert [piece.index for piece in pieces] == [0, 0, 0, 1, 1]
    assert [piece.function and piece.function.name for piece in pieces] == ["weather", None, None, "clock", None]
    assert "".join((piece.function and piece.function.arguments) or "" for piece in pieces[:3]) == '{"city":"Köln"}'
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_the_sdks_own_stream_accumulator(sdk: OpenAI, upstream: Upstream, call: dict[str, Any]) -> None:
    upstream.answer = TOOLS
    with sdk.chat.completions.stream(**call, tools=[WEATHER]) as stream:
        final = stream.get_final_completion()
    assert [tool.function.name for tool in final.choices[0].message.tool_calls or ()] == ["weather", "clock"]


def test_two_choices(sdk: OpenAI, upstream: Upstream, call: dict[str, Any]) -> None:
    upstream.answer = TWO_CHOICES
    reply = sdk.chat.completions.create(**call, n=2)
    assert [(one.index, one.message.content, one.finish_reason) for one in reply.choices] == [
        (0, "Heads.", "stop"),
        (1, "Tails, and", "length"),
    ]


def test_two_choices_streamed(sdk: OpenAI, upstream: Upstream, call: dict[str, Any]) -> None:
    upstream.answer = TWO_CHOICES
    answer = reading.streamed(sdk.chat.completions.create(**call, n=2, stream=True))
    assert [(one["text"], one["finish_reason"]) for one in answer["choices"]] == [
        ("Heads.", "stop"),
        ("Tails, and", "length"),
    ]


def test_response_format(sdk: OpenAI, upstream: Upstream, call: dict[str, Any]) -> None:
    class City(BaseModel):
        name: str
        people: int

    upstream.answer = gives(body(choice(content='{"name":"Köln","people":1084000}')))
    reply = sdk.chat.completions.parse(**call, response_format=City)
    assert reply.choices[0].message.parsed == City(name="Köln", people=1084000)
    asked = upstream.calls[0].json["response_format"]
    assert asked["json_schema"]["schema"]["required"] == ["name", "people"]


def test_models(sdk: OpenAI) -> None:
    assert MODEL in [model.id for model in sdk.models.list()]
    assert sdk.models.retrieve(MODEL).id == MODEL


# Headers


def test_headers_tell_how_the_answer_came_about(sdk: OpenAI, call: dict[str, Any]) -> None:
    miss = sdk.chat.completions.with_raw_response.create(**call)
    hit = sdk.chat.completions.with_raw_response.create(**call)
    assert [raw.headers["x-gateway-cache"] for raw in (miss, hit)] == ["miss", "hit"]
    assert miss.headers["x-request-id"] != hit.headers["x-request-id"]
    assert miss.headers["x-gateway-provider"] == "openai"
    assert float(miss.headers["x-gateway-cost-usd"]) == float(hit.headers["x-gateway-saved-usd"]) > 0
    assert hit.headers["x-gateway-cost-usd"] == "0"


def test_the_request_id_is_the_ledgers(gateway: Gateway, sdk: OpenAI, call: dict[str, Any]) -> None:
    raw = sdk.chat.completions.with_raw_response.create(**call)
    reply = raw.parse()
    assert reply._request_id == raw.request_id == raw.headers["x-request-id"]
    assert gateway.rows()[-1]["id"] == raw.request_id


def test_streams_have_the_headers_too(sdk: OpenAI, call: dict[str, Any]) -> None:
    with sdk.chat.completions.with_streaming_response.create(**call, stream=True) as raw:
        assert raw.headers["x-gateway-cache"] == "miss"
        assert raw.headers["x-request-id"].startswith("req_")
        assert raw.headers["content-type"] == "text/event-stream; charset=utf-8"


# Errors


def test_400_names_the_parameter(sdk: OpenAI, upstream: Upstream, call: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(**call, temperature="hot")  # type: ignore[arg-type]
    assert caught.value.param == "temperature"
    assert caught.value.type == "invalid_request_error"
    assert caught.value.request_id
    assert upstream.calls == []


def test_400_of_the_provider_is_passed_on(sdk: OpenAI, upstream: Upstream, call: dict[str, Any]) -> None:
    said = {"message": "Bad role.", "type": "invalid_request_error", "param": "messages[0].role", "code": "bad_role"}
    upstream.answer = gives({"error": said}, 400)
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(**call)
    assert caught.value.body == said


def test_401_once_a_key_was_made(launch: Callable[..., Gateway], call: dict[str, Any]) -> None:
    gateway = launch()
    key = gateway.create_key()
    for wrong in ("anything", "sk-gw-unknown-key", key[:-1]):
        with connect(gateway, wrong) as sdk, pytest.raises(openai.AuthenticationError) as caught:
            sdk.chat.completions.create(**call)
        assert caught.value.code == "invalid_api_key"
        assert wrong not in caught.value.message
    with connect(gateway, key) as sdk:
        assert sdk.chat.completions.create(**call).choices[0].message.content == "Hello there."


def test_404_for_an_unknown_model(sdk: OpenAI, call: dict[str, Any]) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.chat.completions.create(**{**call, "model": "gpt-unheard-of"})
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"


def test_413_for_too_large_a_body(launch: Callable[..., Gateway], upstream: Upstream, call: dict[str, Any]) -> None:
    with connect(launch("server: {max_body: 10000}")) as sdk:
        with pytest.raises(openai.APIStatusError) as caught:
            sdk.chat.completions.create(**call, user="u" * 10_000)
        assert caught.value.status_code == 413
        assert caught.value.code == "request_too_large"
        sdk.chat.completions.create(**call, user="u" * 9_000)


@pytest.mark.parametrize("stream", [False, True])
def test_502_when_the_provider_fails(sdk: OpenAI, upstream: Upstream, call: dict[str, Any], stream: bool) -> None:
    upstream.answer = gives({"error": {"message": "secret stack trace"}}, 500)
    with pytest.raises(openai.InternalServerError) as caught:
        sdk.chat.completions.create(**call, stream=stream)
    assert caught.value.status_code == 502
    assert caught.value.code == "upstream_error"
    assert "secret" not in caught.value.message


def test_an_error_in_mid_stream_is_raised(sdk: OpenAI, upstream: Upstream, call: dict[str, Any]) -> None:
    broken = [STREAM_HEAD, event(part(role="assistant", content="Hel")), event({"error": {"message": "Overloaded."}})]
    upstream.answer = lambda request: _script(broken)
    stream = sdk.chat.completions.create(**call, stream=True)
    assert next(stream).choices[0].delta.content == "Hel"
    with pytest.raises(openai.APIError, match="Overloaded"):
        next(stream)


async def _script(steps: list[Any]) -> AsyncIterator[Any]:
    for step in steps:
        yield step


# Retries


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the SDK wanted to wait before each retry; it does not wait."""
    wanted: list[float] = []
    clock = SimpleNamespace(sleep=wanted.append, time=time.time, monotonic=time.monotonic)
    monkeypatch.setattr("openai._base_client.time", clock)
    return wanted


def test_limits_count_down_and_the_sdk_waits_as_long_as_our_429_says(
    launch: Callable[..., Gateway], call: dict[str, Any], waits: list[float]
) -> None:
    seen: list[httpx.Response] = []
    http = openai.DefaultHttpxClient(event_hooks={"response": [seen.append]})
    with connect(launch("limits: {requests_per_minute: 2}"), max_retries=1, http_client=http) as sdk:
        sdk.chat.completions.create(**call)
        sdk.chat.completions.create(**call)
        with pytest.raises(openai.RateLimitError) as caught:
            sdk.chat.completions.create(**call)
    assert caught.value.code == "rate_limit_exceeded"
    assert [response.status_code for response in seen] == [200, 200, 429, 429]
    assert [response.headers["x-ratelimit-limit-requests"] for response in seen] == ["2"] * 4
    assert [response.headers["x-ratelimit-remaining-requests"] for response in seen] == ["1", "0", "0", "0"]
    refused = seen[2].headers
    assert waits == [int(refused["retry-after-ms"]) / 1000]
    assert int(refused["retry-after"]) - 1 <= waits[0] <= int(refused["retry-after"]) <= 30
    assert 0 < float(refused["x-ratelimit-reset-requests"].removesuffix("s")) <= 60


def test_a_retry_after_that_wait_succeeds(launch: Callable[..., Gateway], call: dict[str, Any]) -> None:
    with connect(launch("limits: {requests_per_minute: 60}"), max_retries=1) as sdk:
        raw = sdk.chat.completions.with_raw_response.create(**call)
        deadline = time.monotonic() + 30
        while raw.retries_taken == 0 and time.monotonic() < deadline:
            raw = sdk.chat.completions.with_raw_response.create(**call)
    assert raw.retries_taken == 1
    assert raw.parse().choices[0].message.content == "Hello there."


@pytest.mark.parametrize("stream", [False, True])
def test_a_providers_429_is_retried_when_it_says(
    gateway: Gateway, upstream: Upstream, call: dict[str, Any], waits: list[float], stream: bool
) -> None:
    def busy_once(request: Any) -> AsyncIterator[Any]:
        if len(upstream.calls) == 1:
            return gives({"error": {"message": "Slow down.", "code": "busy"}}, 429, retry_after="7")(request)
        return completion("At last.")(request)

    upstream.answer = busy_once
    with connect(gateway, max_retries=2) as sdk:
        raw = sdk.chat.completions.with_raw_response.create(**call, stream=stream)
    assert raw.retries_taken == 1
    assert waits == [7.0]
    assert len(upstream.calls) == 2


def test_what_a_client_must_mend_is_not_retried(
    gateway: Gateway, upstream: Upstream, call: dict[str, Any], waits: list[float]
) -> None:
    upstream.answer = gives_stream([part(content="never seen")])
    with connect(gateway, max_retries=2) as sdk, pytest.raises(openai.BadRequestError):
        sdk.chat.completions.create(**call, n=0)
    assert waits == []
