"""Bodies are refused in OpenAI's words, with its codes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.chat import request
from gateway.errors import InvalidRequest, MalformedBody
from gateway.native import Canon, Grammar

CANON = Canon(b"secret")
GOOD: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def test_a_body_is_read_as_chat_unless_told_otherwise() -> None:
    reading = request.read(CANON, json.dumps(GOOD).encode())
    assert (reading.grammar, reading.question) == ("chat", "Hi")
    completion = request.read(CANON, b'{"model":"m","prompt":"Hi"}', Grammar.built_in("completions"))
    assert (completion.grammar, completion.question) == ("completions", "Hi")


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"model": 5}, "model", "invalid_type"),
        ({"model": ""}, "model", "empty_string"),
        ({"model": "m" * 1_000_000}, "model", "string_above_max_length"),
        ({"model": "a\r\nset-cookie: b"}, "model", "invalid_value"),
        ({"Model": "big"}, "Model", "unknown_parameter"),
        ({"messages": []}, "messages", "empty_array"),
        ({"messages": [{}]}, "messages[0].role", "missing_required_parameter"),
        ({"n": 0}, "n", "integer_below_min_value"),
    ],
)
def test_a_refusal_has_openais_code(fields: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        request.read(CANON, json.dumps({**GOOD, **fields}).encode())
    told = caught.value.fields()
    assert (told["type"], told["param"], told["code"]) == ("invalid_request_error", param, code)
    assert param in told["message"]
    assert len(told["message"]) < 300


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model":"\xff"}', json.dumps(GOOD).encode()[:-1]])
def test_what_cannot_be_parsed_has_no_code(body: bytes) -> None:
    with pytest.raises(MalformedBody) as caught:
        request.read(CANON, body)
    told = caught.value.fields()
    assert (told["param"], told["code"]) == (None, None)
    assert told["message"].startswith("We could not parse the JSON body of your request")


def test_ranges_are_left_to_the_provider() -> None:
    body = json.dumps({**GOOD, "temperature": 2.5, "top_p": 3, "presence_penalty": -9, "top_logprobs": 50, "n": 500})
    assert request.read(CANON, body.encode()).n == 500
