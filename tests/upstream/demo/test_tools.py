"""Which tool is called, and with what."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.upstream.demo.asking import asked, chat, in_no_time, streamed

__all__ = ["in_no_time"]


def function(name: str, **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": f"{name} something", "parameters": schema}}


WEATHER = function("get_weather", city={"type": "string"}, days={"type": "integer"})
STOCK = function("get_stock_price", symbol={"type": "string"})
TOOLS = [STOCK, WEATHER]


def called(content: str, **fields: Any) -> list[str]:
    message = chat(content, tools=TOOLS, **fields)["message"]
    return [call["function"]["name"] for call in message.get("tool_calls") or []]


def test_the_fitting_tool_is_called_with_what_the_question_holds() -> None:
    choice = chat("What is the weather in Lisbon for the next 5 days?", tools=TOOLS)

    (call,) = choice["message"]["tool_calls"]
    assert (call["function"]["name"], choice["finish_reason"]) == ("get_weather", "tool_calls")
    assert orjson.loads(call["function"]["arguments"]) == {"city": "Lisbon", "days": 5}
    assert choice["message"]["content"] is None


@pytest.mark.parametrize("question", ["weather?", "stock price?", "hello"])
def test_a_forced_tool_is_the_one_called(question: str) -> None:
    for name in ("get_weather", "get_stock_price"):
        assert called(question, tool_choice={"type": "function", "function": {"name": name}}) == [name]


def test_modes() -> None:
    assert called("weather", tool_choice="none") == []
    assert called("weather", tool_choice="required") == ["get_weather"]
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [STOCK]}}
    assert called("weather", tool_choice=allowed) == ["get_stock_price"]


def test_parallel_calls_only_where_they_are_wanted() -> None:
    both = "Get the weather in Rome and the stock price of Acme"

    assert sorted(called(both)) == ["get_stock_price", "get_weather"]
    assert len(called(both, parallel_tool_calls=False)) == 1
    assert len(called("weather")) == 1


def test_calls_have_ids_of_their_own() -> None:
    message = chat("Get the weather in Rome and the stock price of Acme", tools=TOOLS)["message"]

    assert len({call["id"] for call in message["tool_calls"]}) == 2


def test_a_required_call_follows_a_tools_answer_too() -> None:
    messages = [{"role": "user", "content": "weather"}, {"role": "tool", "tool_call_id": "c", "content": "x"}]

    answer = asked("/chat/completions", messages=messages, tools=TOOLS, tool_choice="required")

    assert answer["choices"][0]["finish_reason"] == "tool_calls"


def test_a_stream_makes_the_same_calls() -> None:
    messages = [{"role": "user", "content": "What is the weather in Lisbon?"}]

    deltas = [event["choices"][0]["delta"] for event in streamed("/chat/completions", messages=messages, tools=TOOLS)]

    calls = [call for delta in deltas for call in delta.get("tool_calls", [])]
    assert calls[0]["function"]["name"] == "get_weather"
    assert all("name" not in call["function"] for call in calls[1:])
    assert orjson.loads("".join(call["function"]["arguments"] for call in calls))["city"] == "Lisbon"


def test_custom_tools_and_the_older_functions() -> None:
    custom = {"type": "custom", "custom": {"name": "shell"}}
    (call,) = chat("List files", tools=[custom])["message"]["tool_calls"]
    older = chat("weather in Rome", functions=[WEATHER["function"]], function_call={"name": "get_weather"})

    assert (call["type"], call["custom"]) == ("custom", {"name": "shell", "input": "List files"})
    assert older["finish_reason"] == "function_call"
    assert older["message"]["function_call"]["name"] == "get_weather"
