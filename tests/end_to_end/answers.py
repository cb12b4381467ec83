"""Answers with everything that an answer can hold, whole and streamed, and what a client must read out of either."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from tests.end_to_end.upstream import END, STREAM_HEAD, USAGE, Script, event, response

CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini"}


async def sends(*steps: Any) -> AsyncIterator[Any]:
    for step in steps:
        yield step


def body(*choices: dict[str, Any], usage: Any = USAGE) -> dict[str, Any]:
    """A `chat.completion`."""
    return {**CHUNK, "object": "chat.completion", "choices": list(choices), "usage": usage}


def choice(index: int = 0, finish: str = "stop", logprobs: Any = None, **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": None, **message}
    return {"index": index, "message": said, "logprobs": logprobs, "finish_reason": finish}


def part(index: int = 0, finish: str | None = None, logprobs: Any = None, **delta: Any) -> dict[str, Any]:
    """A `chat.completion.chunk` with a piece of one choice."""
    piece = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
    return {**CHUNK, "choices": [piece], "usage": None}


def call(index: int, arguments: str, id: str | None = None, name: str | None = None) -> dict[str, Any]:
    """A piece of a tool call: the first names it, the others only add arguments."""
    first = {"id": id, "type": "function"} if id else {}
    return {"index": index, **first, "function": {**({"name": name} if name else {}), "arguments": arguments}}


@dataclass(frozen=True)
class Both:
    """One answer in both shapes."""

    whole: dict[str, Any]
    parts: list[dict[str, Any]]

    def __call__(self, request: Any) -> AsyncIterator[Any]:
        """Answers in the shape that the request asks for."""
        return gives_stream(self.parts)(request) if request.json.get("stream") else gives(self.whole)(request)


def gives(payload: Any, status: int = 200, **headers: str) -> Script:
    return lambda request: sends(response(status, orjson.dumps(payload), **headers))


def gives_stream(parts: Iterable[Any], usage: Any = USAGE) -> Script:
    """Sends the parts, a usage chunk and `[DONE]`, one write each."""
    ending = [{**CHUNK, "choices": [], "usage": usage}, b"[DONE]"]
    return lambda request: sends(STREAM_HEAD, *map(event, [*parts, *ending]), END)


def _function(name: str, arguments: str, id: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


TOOLS = Both(
    body(
        choice(
            finish="tool_calls",
            tool_calls=[
                _function("weather", '{"city":"Köln"}', "call_1"),
                _function("clock", '{"zone":"CET"}', "call_2"),
            ],
        )
    ),
    [
        part(role="assistant", content=None),
        part(tool_calls=[call(0, "", "call_1", "weather")]),
        part(tool_calls=[call(0, '{"city":')]),
        part(tool_calls=[call(0, '"Köln"}')]),
        part(tool_calls=[call(1, "", "call_2", "clock")]),
        part(tool_calls=[call(1, '{"zone":"CET"}')]),
        part(finish="tool_calls"),
    ],
)

REASONING = Both(
    body(choice(content="42", reasoning_content="Let me think.")),
    [
        part(role="assistant", content=None, reasoning_content=""),
        part(reasoning_content="Let me "),
        part(reasoning_content="think."),
        part(content="42"),
        part(finish="stop"),
    ],
)


def _token(text: str) -> dict[str, Any]:
    return {"token": text, "logprob": -0.25, "bytes": list(text.encode()), "top_logprobs": []}


LOGPROBS = Both(
    body(choice(content="Foo!", logprobs={"content": [_token("Foo"), _token("!")], "refusal": None})),
    [
        part(role="assistant", content="", logprobs={"content": [], "refusal": None}),
        part(content="Foo", logprobs={"content": [_token("Foo")], "refusal": None}),
        part(content="!", logprobs={"content": [_token("!")], "refusal": None}),
        part(finish="stop"),
    ],
)

TWO_CHOICES = Both(
    body(choice(0, content="Heads."), choice(1, "length", content="Tails, and")),
    [
        part(0, role="assistant", content=""),
        part(1, role="assistant", content=""),
        part(1, content="Tails,"),
        part(0, content="Heads."),
        part(1, content=" and"),
        part(0, finish="stop"),
        part(1, finish="length"),
    ],
)

REFUSAL = Both(
    body(choice(content=None, refusal="I cannot help with that.")),
    [
        part(role="assistant", content=None, refusal=""),
        part(refusal="I cannot "),
        part(refusal="help with that."),
        part(finish="stop"),
    ],
)

RICH = {"tools": TOOLS, "reasoning": REASONING, "logprobs": LOGPROBS, "n=2": TWO_CHOICES, "refusal": REFUSAL}
