"""The demo behind a gateway, as the OpenAI SDK sees it: people judge the product by it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from openai import BadRequestError, OpenAI, pydantic_function_tool
from pydantic import BaseModel

from tests.end_to_end.gateway import Gateway


class Step(BaseModel):
    explanation: str
    output: str | None


class Solution(BaseModel):
    steps: list[Step]
    answer: float
    kind: Literal["maths", "other"]
    hint: Step | None


class GetWeather(BaseModel):
    """Get the weather of a city."""

    city: str
    unit: Literal["celsius", "fahrenheit"]


class SendMail(BaseModel):
    """Send a mail to somebody."""

    to: str


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder: Path = tmp_path_factory.mktemp("demo")
    started = Gateway(folder, {})
    started.start()
    yield started
    started.stop()


@pytest.fixture
def sdk(gateway: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def ask(content: str) -> Any:
    return [{"role": "user", "content": content}]


def test_nested_and_optional_models_are_parsed(sdk: OpenAI) -> None:
    answer = sdk.chat.completions.parse(model="demo", messages=ask("Solve 8x + 7 = -23"), response_format=Solution)

    assert isinstance(answer.choices[0].message.parsed, Solution)
    with sdk.chat.completions.stream(model="demo", messages=ask("Solve x = 2"), response_format=Solution) as stream:
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, Solution)


def test_tools_are_parsed_and_a_forced_one_is_called(sdk: OpenAI) -> None:
    tools = [pydantic_function_tool(SendMail), pydantic_function_tool(GetWeather)]

    fitting = sdk.chat.completions.parse(model="demo", messages=ask("How is the weather in Oslo?"), tools=tools)
    forced = sdk.chat.completions.parse(
        model="demo",
        messages=ask("How is the weather in Oslo?"),
        tools=tools,
        tool_choice={"type": "function", "function": {"name": "SendMail"}},
    )

    (call,) = fitting.choices[0].message.tool_calls or ()
    assert call.function.parsed_arguments == GetWeather(city="Oslo", unit="celsius")
    (call,) = forced.choices[0].message.tool_calls or ()
    assert isinstance(call.function.parsed_arguments, SendMail)


def test_stop_logprobs_and_long_answers(sdk: OpenAI) -> None:
    stopped = sdk.chat.completions.create(model="demo", messages=ask("Why?"), stop=["demo"])
    likely = sdk.chat.completions.create(model="demo", messages=ask("Why?"), logprobs=True, top_logprobs=2)
    long = sdk.chat.completions.create(model="demo", messages=ask("Why do bees dance, in 150 words?"))

    assert "demo" not in (stopped.choices[0].message.content or "")
    assert likely.choices[0].logprobs is not None
    assert len((likely.choices[0].logprobs.content or [])[0].top_logprobs) == 2
    assert long.usage is not None
    assert 120 < long.usage.completion_tokens < 400


def test_a_stream_arrives_at_the_pace_of_a_model(sdk: OpenAI) -> None:
    start = time.monotonic()
    times = [
        time.monotonic() - start for _ in sdk.chat.completions.create(model="demo", messages=ask("Pace?"), stream=True)
    ]

    assert times[0] > 0.2
    assert times[-1] - times[0] > 0.2


def test_what_is_malformed_is_a_400_and_never_a_500(sdk: OpenAI) -> None:
    with pytest.raises(BadRequestError) as refused:
        sdk.chat.completions.create(model="demo", messages=ask("x"), tools=[{"type": "function"}])  # type: ignore[list-item]
    assert refused.value.param == "tools[0].function.name"
    with pytest.raises(BadRequestError):
        sdk.chat.completions.create(model="demo", messages=ask("x"), extra_body={"seed": 10**4000})


def test_completions_and_embeddings(sdk: OpenAI) -> None:
    text = sdk.completions.create(model="demo", prompt="Why do bees dance?", max_tokens=50)
    events = list(sdk.completions.create(model="demo", prompt="Why do bees dance?", max_tokens=50, stream=True))
    vectors = sdk.embeddings.create(
        model="text-embedding-3-small", input=["bees dance", "why bees dance", "ships sail"]
    )

    assert "".join(event.choices[0].text for event in events if event.choices) == text.choices[0].text
    bees, more_bees, ships = (entry.embedding for entry in vectors.data)
    assert len(bees) == 1536
    assert sum(a * b for a, b in zip(bees, more_bees, strict=True)) > sum(
        a * b for a, b in zip(bees, ships, strict=True)
    )
