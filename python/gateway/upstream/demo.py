"""The built-in demo provider: answers without a network, in the shape and at the pace of a real model.

Deterministic: the same request gets the same answer. It speaks OpenAI's dialect to the byte, so that everything above it
is exercised as with a real provider.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import orjson

from gateway.chat.wire import event
from gateway.native import Tokenizer
from gateway.providers.base import Outgoing, Provider

FIRST_TOKEN_SECONDS = 0.25
TOKEN_SECONDS = 0.012
ENCODING = "o200k_base"
_SENTENCES = (
    "This answer comes from the demo provider built into the gateway, so no model was asked and nobody was billed.",
    "A request like yours would normally go to the provider that serves this model.",
    "Send the same request again and it will come out of the exact cache, in well under a millisecond.",
    "Set OPENAI_API_KEY or another provider's key and restart to talk to a real model.",
    "Everything else on the way is real: the limits, the cache, the ledger and the token counts.",
    "The text is the same every time, which makes it useful in tests and demonstrations.",
)


class DemoExchange:
    """An answer under way, one read per event."""

    def __init__(self, status: int, reads: list[tuple[float, bytes]]) -> None:
        self.status = status
        self.headers = {"content-type": "application/json"}
        self._reads = iter(reads)
        self._waited = 0.0

    async def __aenter__(self) -> DemoExchange:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    @property
    def waited_us(self) -> int:
        return int(self._waited * 1e6)

    async def read(self) -> bytes:
        pause, data = next(self._reads, (0.0, b""))
        self._waited += pause
        if pause:
            await asyncio.sleep(pause)
        return data


class Demo:
    """The transport for the scheme `demo`."""

    async def send(self, provider: Provider, outgoing: Outgoing, hops: int = 0) -> DemoExchange:
        if outgoing.path == "/models":
            listing = {"object": "list", "data": [{"id": "demo", "object": "model"}]}
            return DemoExchange(200, [(0.0, orjson.dumps(listing))])
        request = orjson.loads(outgoing.body)
        reply = _reply(request, outgoing.body)
        if request.get("stream"):
            return DemoExchange(200, list(_paced(reply)))
        pause = FIRST_TOKEN_SECONDS + TOKEN_SECONDS * reply["usage"]["completion_tokens"]
        return DemoExchange(200, [(pause, orjson.dumps(reply))])

    async def close(self) -> None:
        return None


def _reply(request: dict[str, Any], body: bytes) -> dict[str, Any]:
    """The whole `chat.completion`."""
    tokenizer = Tokenizer.named(ENCODING)
    mark = hashlib.sha256(body).hexdigest()
    limit = request.get("max_completion_tokens") or request.get("max_tokens")
    choices, completion = [], 0
    for index in range(request.get("n") or 1):
        message, generated = _message(request, int(mark[:8], 16) + index)
        tokens = tokenizer.encode(generated)
        finish = "tool_calls" if "tool_calls" in message else "stop"
        if limit and len(tokens) > limit and finish == "stop":
            tokens, finish = tokens[:limit], "length"
            message["content"] = tokenizer.decode(tokens).decode("utf-8", "replace")
        completion += len(tokens)
        choices.append({"index": index, "message": message, "logprobs": None, "finish_reason": finish})
    prompt = tokenizer.count_chat(body)
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    created = int(time.time())
    return {
        "id": f"chatcmpl-{mark[:29]}",
        "object": "chat.completion",
        "created": created,
        "model": request["model"],
        "choices": choices,
        "usage": usage,
    }


def _message(request: dict[str, Any], seed: int) -> tuple[dict[str, Any], str]:
    """The assistant's message, and the text whose tokens it costs."""
    tools = [
        tool["function"] for tool in request.get("tools") or () if tool.get("type") == "function" and "function" in tool
    ]
    last = request["messages"][-1]
    if tools and request.get("tool_choice") != "none" and last.get("role") == "user":
        tool = tools[seed % len(tools)]
        arguments = orjson.dumps(_example(tool.get("parameters") or {})).decode()
        function = {"name": tool["name"], "arguments": arguments}
        call = {"id": f"call_{seed:024x}", "type": "function", "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None}, tool["name"] + arguments
    text = _text(request.get("response_format") or {}, seed)
    return {"role": "assistant", "content": text, "refusal": None}, text


def _text(response_format: dict[str, Any], seed: int) -> str:
    if response_format.get("type") == "json_schema":
        return orjson.dumps(_example(response_format["json_schema"].get("schema") or {})).decode()
    if response_format.get("type") == "json_object":
        return '{"answer":"from the demo provider"}'
    start = seed % len(_SENTENCES)
    return " ".join(_SENTENCES[(start + offset) % len(_SENTENCES)] for offset in range(3))


def _example(schema: dict[str, Any]) -> Any:
    """A value that fits the common part of JSON schema."""
    if options := schema.get("enum"):
        return options[0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: _example(inner) for name, inner in (schema.get("properties") or {}).items()}
    if kind == "array":
        return [_example(schema.get("items") or {"type": "string"})]
    return {"string": "demo", "integer": 1, "number": 1.5, "boolean": True}.get(kind)


def _paced(reply: dict[str, Any]) -> Iterator[tuple[float, bytes]]:
    """The reply as events, each with the pause before it."""
    common = {
        "id": reply["id"],
        "object": "chat.completion.chunk",
        "created": reply["created"],
        "model": reply["model"],
    }
    pause = FIRST_TOKEN_SECONDS
    for choice in reply["choices"]:
        for delta in _deltas(choice["message"]):
            part = {"index": choice["index"], "delta": delta, "logprobs": None, "finish_reason": None}
            yield pause, event({**common, "choices": [part], "usage": None})
            pause = TOKEN_SECONDS
        end = {
            "index": choice["index"],
            "delta": {},
            "logprobs": None,
            "finish_reason": choice["finish_reason"],
        }
        yield 0.0, event({**common, "choices": [end], "usage": None})
    yield 0.0, event({**common, "choices": [], "usage": reply["usage"]}) + b"data: [DONE]\n\n"


def _deltas(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": "" if message["content"] is not None else None, "refusal": None}
    for word in re.findall(r"\S+\s*", message["content"] or ""):
        yield {"content": word}
    for index, call in enumerate(message.get("tool_calls") or ()):
        opening = {"name": call["function"]["name"], "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": call["id"], "type": "function", "function": opening}]}
        arguments = call["function"]["arguments"]
        for start in range(0, len(arguments), 12):
            yield {"tool_calls": [{"index": index, "function": {"arguments": arguments[start : start + 12]}}]}
