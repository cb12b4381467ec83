"""Whatever is asked of the demo, it answers or says what is wrong."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.upstream.demo.asking import NOW, ask, asked, chat, in_no_time, refused, streamed

__all__ = ["in_no_time"]

CHAT, COMPLETIONS, EMBEDDINGS = "/chat/completions", "/completions", "/embeddings"
HI = [{"role": "user", "content": "Hi"}]

NUMBERS = [0, 1, -1, 0.5, 1 << 62, -(1 << 63), 1e308, -1e308, 5e-324]
scalars = st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.text(max_size=6)
MEMBERS = """
 messages role content text type tools function functions name description parameters tool_choice function_call
response_format json_schema schema properties items required anyOf oneOf allOf $ref $defs enum const minimum maximum
exclusiveMinimum multipleOf minLength maxLength minItems maxItems minProperties prefixItems additionalProperties format
n stop seed max_tokens max_completion_tokens min_tokens logprobs top_logprobs stream stream_options include_usage
parallel_tool_calls prompt input dimensions encoding_format echo allowed_tools mode custom
"""
NAMES = MEMBERS.split()
WORDS = """
object array string integer number null function custom json_schema json_object required none auto allowed_tools user tool
#/$defs/a # base64
"""
words = st.sampled_from(WORDS.split())
values = st.recursive(
    scalars | words,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.just("a"), inner, max_size=5)
    ),
    max_leaves=14,
)
TOOL = {
    "type": "function",
    "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}},
}


def answered(path: str, body: dict[str, Any]) -> None:
    status, answer = ask(path, orjson.dumps(body))
    assert status in (200, 400)
    if status == 400:
        assert orjson.loads(answer)["error"]["message"]
    elif body.get("stream") is True:
        assert answer.endswith(b"data: [DONE]\n\n")
    else:
        assert isinstance(orjson.loads(answer), dict)


@settings(max_examples=300, deadline=None)
@given(
    path=st.sampled_from([CHAT, COMPLETIONS, EMBEDDINGS]),
    body=st.dictionaries(st.sampled_from(NAMES), values, max_size=6),
)
def test_random_requests(path: str, body: dict[str, Any]) -> None:
    answered(path, {"model": "demo", **body})


@settings(max_examples=300, deadline=None)
@given(extra=st.dictionaries(st.sampled_from(NAMES[6:]), values, max_size=3))
def test_a_sound_chat_with_random_members(extra: dict[str, Any]) -> None:
    answered(CHAT, {"model": "demo", "messages": HI, **extra})


@settings(max_examples=300, deadline=None)
@given(schema=values, within=st.sampled_from(["tool", "format"]))
def test_random_schemas(schema: Any, within: str) -> None:
    if within == "tool":
        extra: dict[str, Any] = {"tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}]}
    else:
        extra = {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}}
    answered(CHAT, {"model": "demo", "messages": HI, **extra})


MALFORMED: list[dict[str, Any]] = [
    {"tools": {}},
    {"tools": "x"},
    {"tools": [5]},
    {"tools": [None]},
    {"tools": [{}]},
    {"tools": [{"type": "function"}]},
    {"tools": [{"type": "function", "function": None}]},
    {"tools": [{"type": "function", "function": "f"}]},
    {"tools": [{"type": "function", "function": {}}]},
    {"tools": [{"type": "function", "function": {"name": 5}}]},
    {"tools": [{"type": "function", "function": {"name": "f", "parameters": 5}}]},
    {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": 5}}}]},
    {"tools": [TOOL], "tool_choice": 5},
    {"tools": [TOOL], "tool_choice": "sometimes"},
    {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}},
    {"tool_choice": "required"},
    {"response_format": "json"},
    {"response_format": []},
    {"response_format": {"type": 5}},
    {"response_format": {"type": "json_schema", "json_schema": 5}},
    {"response_format": {"type": "json_schema", "json_schema": {"schema": 5}}},
    {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": 5}}}},
    {"response_format": {"type": "json_schema", "json_schema": {"schema": {"enum": []}}}},
    {"response_format": {"type": "json_schema", "json_schema": {"schema": {"enum": 5}}}},
    {"response_format": {"type": "json_schema", "json_schema": {"schema": {"$ref": "#/$defs/none"}}}},
    {"response_format": {"type": "json_schema", "json_schema": {"schema": {"$ref": "#"}}}},
    {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "array", "minItems": 1 << 40}}}},
    {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "string", "minLength": -1}}}},
    {"n": 0},
    {"n": 1 << 40},
    {"n": "2"},
    {"n": True},
    {"max_tokens": 0},
    {"max_tokens": "many"},
    {"stop": 5},
    {"stop": [5]},
    {"stream": "yes"},
    {"top_logprobs": 21},
    {"messages": []},
    {"messages": [{"role": "user", "content": 5}]},
]


@pytest.mark.parametrize("extra", MALFORMED, ids=lambda extra: orjson.dumps(extra).decode()[:90])
def test_what_is_malformed_is_a_400_that_names_the_member(extra: dict[str, Any]) -> None:
    error = refused(CHAT, **{"messages": HI, **extra})

    assert error["type"] == "invalid_request_error"
    assert error["param"].split(".")[0].split("[")[0] in (next(reversed(extra)), "tools")


@pytest.mark.parametrize("seed", [b"9" * 20_000, b"1e400", b'"\\ud800"', b"-1e400"])
def test_numbers_and_text_that_cannot_be_read_are_refused(seed: bytes) -> None:
    status, answer = ask(CHAT, b'{"model":"demo","messages":[{"role":"user","content":"Hi"}],"seed":' + seed + b"}")

    assert status == 400
    assert "cannot read" in orjson.loads(answer)["error"]["message"]


def test_what_is_no_object_is_refused() -> None:
    for body in (b"", b"[]", b"5", b"nul", b"[" * 2000, b'{"a":' * 300 + b"1" + b"}" * 300):
        assert ask(CHAT, body)[0] == 400


def test_other_endpoints() -> None:
    assert ask("/responses", b"{}")[0] == 404
    assert ask(CHAT, b" " * (9 << 20))[0] == 413
    assert orjson.loads(ask("/models", b"")[1])["data"][0]["id"] == "demo"


def test_the_same_request_has_the_same_answer_in_either_shape() -> None:
    first, second = asked(CHAT, messages=HI, seed=7), asked(CHAT, messages=HI, seed=7)
    events = streamed(CHAT, messages=HI, seed=7, stream_options={"include_usage": True})

    assert first == second
    assert first["created"] == NOW
    told = "".join(event["choices"][0]["delta"].get("content") or "" for event in events if event["choices"])
    assert told == first["choices"][0]["message"]["content"]
    assert events[0]["id"] == first["id"]
    assert events[-1]["usage"] == first["usage"]
    assert asked(CHAT, messages=HI, seed=8)["choices"] != first["choices"]


def test_usage_is_told_only_when_asked_for() -> None:
    assert all("usage" not in event for event in streamed(CHAT, messages=HI))


def test_numbers_stay_finite() -> None:
    assert math.isfinite(chat(logprobs=True)["logprobs"]["content"][0]["logprob"])
