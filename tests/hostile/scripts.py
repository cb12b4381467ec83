"""Providers' answers built from parts of any kind."""

from __future__ import annotations

from typing import Any

from tests.end_to_end.answers import CHUNK, sends
from tests.end_to_end.upstream import END, STREAM_HEAD, USAGE, Script, chunk, response
from tests.hostile.mutation import Raw, spell


def script(*steps: Any) -> Script:
    return lambda request: sends(*steps)


def whole(answer: Any) -> Script:
    return lambda request: sends(response(200, spell(answer)))


def stream(*pieces: Any) -> Script:
    events = [piece if isinstance(piece, bytes) and not isinstance(piece, Raw) else spell(piece) for piece in pieces]
    written = [chunk(b"data: " + text + b"\n\n") for text in events]
    return lambda request: sends(STREAM_HEAD, *written, END)


def completion(choices: Any, usage: Any = USAGE, **fields: Any) -> dict[str, Any]:
    return {**CHUNK, "object": "chat.completion", "choices": choices, "usage": usage, **fields}


def piece(choices: Any, usage: Any = None, **fields: Any) -> dict[str, Any]:
    return {**CHUNK, "choices": choices, "usage": usage, **fields}


def said(index: Any = 0, finish: Any = "stop", **message: Any) -> dict[str, Any]:
    return {"index": index, "message": {"role": "assistant", "content": "Yes.", **message}, "finish_reason": finish}


def bit(index: Any = 0, finish: Any = None, **delta: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish}


def tool(index: Any) -> dict[str, Any]:
    return {"index": index, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
