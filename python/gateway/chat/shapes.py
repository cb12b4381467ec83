"""One answer, two shapes: a `chat.completion` object and the event stream that says the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

_CONCATENATED = ("content", "refusal", "reasoning_content", "reasoning")


def event(payload: Any) -> bytes:
    """One server-sent event with a JSON payload."""
    return b"data: " + orjson.dumps(payload) + b"\n\n"


def assemble(events: bytes) -> bytes:
    """The whole answer that a finished stream of chunks amounts to, as JSON.

    Takes whole events without `[DONE]`. Text is joined, tool calls are put together by their index, logprobs are
    appended, and what is not known here keeps its last value, so that nothing a provider adds is lost.
    """
    reply: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for chunk in _payloads(events):
        for name, value in chunk.items():
            if name == "choices":
                for part in value or ():
                    _extend_choice(choices.setdefault(part.get("index", 0), {}), part)
            elif value is not None or name not in reply:
                reply[name] = value
    reply["object"] = "chat.completion"
    reply["choices"] = [choices[index] for index in sorted(choices)]
    return orjson.dumps(reply)


def replay(reply: bytes) -> bytes:
    """The event stream that says what a whole `chat.completion` says, usage chunk included, without `[DONE]`."""
    whole = orjson.loads(reply)
    common = {name: value for name, value in whole.items() if name not in ("choices", "usage", "object")}
    common["object"] = "chat.completion.chunk"
    chunks = []
    for choice in whole["choices"]:
        rest = {name: value for name, value in choice.items() if name not in ("message", "finish_reason", "index")}
        opening = {
            "index": choice["index"],
            "delta": _delta(choice["message"]),
            **rest,
            "finish_reason": None,
        }
        ending = {"index": choice["index"], "delta": {}, "finish_reason": choice.get("finish_reason")}
        chunks += [{**common, "choices": [opening]}, {**common, "choices": [ending]}]
    if whole.get("usage") is not None:
        for chunk in chunks:
            chunk["usage"] = None
        chunks.append({**common, "choices": [], "usage": whole["usage"]})
    return b"".join(event(chunk) for chunk in chunks)


def _payloads(events: bytes) -> Iterator[dict[str, Any]]:
    for block in events.split(b"\n\n"):
        data = b"\n".join(line[5:].removeprefix(b" ") for line in block.split(b"\n") if line.startswith(b"data:"))
        if data:
            yield orjson.loads(data)


def _extend_choice(choice: dict[str, Any], part: dict[str, Any]) -> None:
    message = choice.setdefault("message", {"role": "assistant", "content": None})
    choice.setdefault("index", part.get("index", 0))
    choice.setdefault("finish_reason", None)
    for name, value in part.items():
        if name == "delta":
            for field, piece in (value or {}).items():
                _extend_message(message, field, piece)
        elif name == "logprobs" and value is not None:
            _extend_logprobs(choice, value)
        elif name != "index" and value is not None:
            choice[name] = value
    choice.setdefault("logprobs", None)


def _extend_message(message: dict[str, Any], field: str, piece: Any) -> None:
    known = message.get(field)
    if field == "tool_calls":
        calls = message.setdefault("tool_calls", [])
        for call in piece or ():
            _extend_tool_call(calls, call)
    elif piece is None:
        message.setdefault(field, None)
    elif isinstance(piece, list):
        message[field] = (known if isinstance(known, list) else _as_parts(known)) + piece
    elif isinstance(piece, str) and isinstance(known, list):
        message[field] = known + _as_parts(piece)
    elif field in _CONCATENATED and isinstance(known, str) and isinstance(piece, str):
        message[field] = known + piece
    elif field != "function_call":
        message[field] = piece
    else:
        _extend_function(message.setdefault("function_call", {}), piece)


def _as_parts(text: str | None) -> list[dict[str, str]]:
    """Mistral mixes lists of thinking parts and plain strings in one answer's deltas (recorded 2025-12)."""
    return [{"type": "text", "text": text}] if text else []


def _extend_tool_call(calls: list[dict[str, Any]], delta: dict[str, Any]) -> None:
    """Deltas of one call share its index; Gemini's compatible endpoint leaves the index out and sends whole calls."""
    index = delta.get("index", len(calls))
    while len(calls) <= index:
        calls.append({})
    call = calls[index]
    for name, value in delta.items():
        if name == "function":
            _extend_function(call.setdefault("function", {}), value or {})
        elif name != "index" and (value not in (None, "") or name not in call):
            call[name] = value
    call.setdefault("type", "function")


def _extend_function(function: dict[str, Any], delta: dict[str, Any]) -> None:
    for name, value in delta.items():
        if name == "arguments":
            function["arguments"] = function.get("arguments", "") + (value or "")
        elif value is not None:
            function[name] = value


def _extend_logprobs(choice: dict[str, Any], logprobs: dict[str, Any]) -> None:
    known = choice.get("logprobs") or {}
    for name, tokens in logprobs.items():
        if isinstance(tokens, list):
            known[name] = known.get(name, []) + tokens if isinstance(known.get(name, []), list) else tokens
        else:
            known.setdefault(name, tokens)
    choice["logprobs"] = known


def _delta(message: dict[str, Any]) -> dict[str, Any]:
    calls = message.get("tool_calls")
    if not calls:
        return message
    return {**message, "tool_calls": [{"index": index, **call} for index, call in enumerate(calls)]}
