"""The two shapes of a chat completion: `chat.completion`, and a stream of `chat.completion.chunk`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.chat.pieces import Base64, Indexed, Kinds, Last, Listed, Object, Text
from gateway.chat.shape import Choice, Shape
from gateway.errors import Untranslatable


def _next(calls: Mapping[int, Object]) -> int:
    """Gemini's compatible endpoint leaves the index of a tool call out and sends whole calls."""
    return max(calls, default=-1) + 1


def _function() -> Object:
    return Object({"arguments": Text, "input": Text})


def _call() -> Object:
    return Object({"function": _function, "custom": _function})


def _message() -> Object:
    members: Kinds = {
        "role": Last,
        "content": Text,
        "refusal": Text,
        "reasoning_content": Text,
        "reasoning": Text,
        "function_call": _function,
        "tool_calls": lambda: Indexed(_call, _next),
        "audio": lambda: Object({"data": Base64, "transcript": Text}),
    }
    return Object(members, Listed)


def _gathering() -> Object:
    return Object({"delta": _message, "logprobs": lambda: Object({}, Listed)})


def _gathered(choice: Choice) -> Choice:
    rest = {name: value for name, value in choice.items() if name != "delta"}
    message = {"role": None, "content": None, **(choice.get("delta") or {})}
    message["role"] = message["role"] or "assistant"
    if message.get("tool_calls") is not None:
        message["tool_calls"] = [_typed(call) for _, call in message["tool_calls"]]
    return {"message": message, "logprobs": None, **rest}


def _typed(call: dict[str, Any]) -> dict[str, Any]:
    return call if call.get("type") else {**call, "type": "custom" if "custom" in call else "function"}


def _opening(choice: Choice) -> Choice:
    rest = {name: value for name, value in choice.items() if name not in ("message", "finish_reason", "index")}
    message = choice.get("message") or {}
    if not isinstance(message, dict):
        raise Untranslatable
    return {"delta": _delta(message), **rest}


def _delta(message: dict[str, Any]) -> dict[str, Any]:
    calls = message.get("tool_calls")
    if not calls:
        return message
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        raise Untranslatable
    return {**message, "tool_calls": [{**call, "index": place} for place, call in enumerate(calls)]}


CHAT = Shape("chat.completion", "chat.completion.chunk", _gathering, _gathered, _opening, {"delta": {}})
