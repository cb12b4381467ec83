"""Chat completions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.native import Tokenizer
from gateway.upstream.demo import pace
from gateway.upstream.demo.example import Example
from gateway.upstream.demo.fields import Fields, Refused
from gateway.upstream.demo.prose import prose
from gateway.upstream.demo.question import Question, content_text, last_question
from gateway.upstream.demo.tokens import COUNTED_BYTES, ENCODING, Spoken, logprobs, speak
from gateway.upstream.demo.tools import Tool, chosen, offered

MOST_CHOICES = 128
MOST_TOKENS = 20_000
"""Generated for one request, all choices together."""
_LONG_FROM = 400
_LONG = 1_500
_ARGUMENT_PIECE = 12


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer: text, or the tools it calls. `top` is None where no probabilities are asked for."""

    index: int
    spoken: Spoken
    calls: list[dict[str, Any]]
    legacy: bool
    top: int | None

    def whole(self) -> dict[str, Any]:
        message: dict[str, Any] = {
            "role": "assistant",
            "content": None if self.calls else self.spoken.text,
            "refusal": None,
        }
        if self.calls and self.legacy:
            message["function_call"] = self.calls[0]["function"]
        elif self.calls:
            message["tool_calls"] = self.calls
        found = None if self.top is None or self.calls else self._probabilities(self.spoken.tokens)
        return {"index": self.index, "message": message, "logprobs": found, "finish_reason": self.finish}

    def parts(self) -> Iterator[dict[str, Any]]:
        """The same as the parts of a stream."""
        opening = {"role": "assistant", "content": None if self.calls else "", "refusal": None}
        yield self._part(opening)
        if not self.calls:
            for text, tokens in self.spoken.pieces():
                found = None if self.top is None else self._probabilities(tokens)
                yield self._part({"content": text}, logprobs=found)
        for delta in self._call_deltas():
            yield self._part(delta)
        yield self._part({}, finish=self.finish)

    @property
    def finish(self) -> str:
        if not self.calls:
            return self.spoken.finish
        return "function_call" if self.legacy else "tool_calls"

    def _call_deltas(self) -> Iterator[dict[str, Any]]:
        for index, call in enumerate(self.calls):
            body, member = call[call["type"]], "input" if call["type"] == "custom" else "arguments"
            opening, text = {"name": body["name"], member: ""}, body[member]
            pieces = [{member: text[start : start + _ARGUMENT_PIECE]} for start in range(0, len(text), _ARGUMENT_PIECE)]
            if self.legacy:
                yield from ({"function_call": piece} for piece in (opening, *pieces))
                continue
            yield {"tool_calls": [{"index": index, "id": call["id"], "type": call["type"], call["type"]: opening}]}
            yield from ({"tool_calls": [{"index": index, call["type"]: piece}]} for piece in pieces)

    def _part(self, delta: dict[str, Any], *, logprobs: Any = None, finish: str | None = None) -> dict[str, Any]:
        return {"index": self.index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}

    def _probabilities(self, tokens: Any) -> dict[str, Any]:
        return {"content": logprobs(tokens, self.top or 0), "refusal": None}


class Chat:
    """Reads one request and makes its answer; raises `Refused`."""

    def __init__(self, request: Fields, mark: str) -> None:
        self._request, self._mark = request, mark
        self._messages = request.items("messages", 100_000)
        if not self._messages:
            raise Refused("'messages' must be a list of at least one message.", "messages")
        self._question = last_question(self._messages)
        count = request.integer("n", 1, MOST_CHOICES) or 1
        self._top = self._probabilities_wanted()
        self._most = MOST_TOKENS // count // (1 + (self._top or 0))
        limit = request.integer("max_completion_tokens", 1, 1 << 53) or request.integer("max_tokens", 1, 1 << 53)
        self._asked, self._limit = limit, min(limit or self._most, self._most)
        self._stops = request.stops()
        self._tools = self._called()
        self.choices = [self._choice(index) for index in range(count)]

    def _choice(self, index: int) -> Choice:
        seed = int(self._mark[:8], 16) + index
        calls = [
            tool.call(self._question, f"{seed + place:08x}{self._mark[8:]}") for place, tool in enumerate(self._tools)
        ]
        text = "".join(orjson.dumps(call[call["type"]]).decode() for call in calls) if calls else self._text(seed)
        spoken = speak(text, stops=[] if calls else self._stops, limit=None if calls else self._limit)
        return Choice(index, spoken, calls, "functions" in self._request, self._top)

    def _called(self) -> list[Tool]:
        last = self._messages[-1]
        answered = isinstance(last, dict) and last.get("role") in ("tool", "function")
        return chosen(self._request, offered(self._request), self._question, answered=answered)

    def _text(self, seed: int) -> str:
        wanted = self._request.section("response_format")
        match wanted.text("type"):
            case "json_schema":
                schema = wanted.section("json_schema").any("schema")
                made = Example({} if schema is None else schema, self._question, "response_format").value()
                return orjson.dumps(made).decode()
            case "json_object":
                return orjson.dumps({"answer": prose(self._question, seed, None)}).decode()
        last = self._messages[-1]
        if isinstance(last, dict) and last.get("role") in ("tool", "function"):
            said = Question(content_text(last.get("content"))).shown
            return f"The tool answered “{said}”, so that is what I can tell you. {prose(self._question, seed, 1)}"
        return prose(self._question, seed, self._length())

    def _length(self) -> int | None:
        """Tokens of prose: as the question says, else longer where the limit leaves much room."""
        least = self._request.integer("min_tokens", 0, 1 << 53)
        wanted = self._question.tokens_wanted()
        if wanted is None and self._asked is not None and self._asked >= _LONG_FROM:
            wanted = min(_LONG, self._limit * 3 // 5)
        return min(self._most, max(wanted or 0, least or 0)) or None

    def _probabilities_wanted(self) -> int | None:
        top = self._request.integer("top_logprobs", 0, 20)
        return (top or 0) if self._request.flag("logprobs") else None


def answer(body: bytes, request: Fields, mark: str, created: int) -> Iterator[pace.Read]:
    """The reads of the answer to one request; raises `Refused` before the first."""
    chat = Chat(request, mark)
    prompt = Tokenizer.named(ENCODING).within(COUNTED_BYTES).count_chat(body)
    completion = sum(len(choice.spoken.tokens) for choice in chat.choices)
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
    common = {
        "id": f"chatcmpl-{mark[:29]}",
        "created": created,
        "model": request.text("model"),
        "system_fingerprint": "fp_demo",
    }
    if request.flag("stream"):
        shown = usage if request.section("stream_options").flag("include_usage") else None
        parts = [choice.parts() for choice in chat.choices]
        return pace.stream({**common, "object": "chat.completion.chunk"}, parts, shown)
    whole = {
        **common,
        "object": "chat.completion",
        "choices": [choice.whole() for choice in chat.choices],
        "usage": usage,
    }
    return pace.whole(whole, completion // len(chat.choices))
