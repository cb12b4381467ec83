"""Completions on the wire."""

from __future__ import annotations

import orjson
import pytest

from gateway.api.formats.completions import Completions
from gateway.errors import InvalidRequest
from gateway.native import Tokenizer
from tests.api.formats.bodies import read

BODY = orjson.dumps(
    {
        "id": "cmpl-1",
        "object": "text_completion",
        "choices": [{"index": 0, "text": " there", "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
)


def test_the_shape_of_an_answer_goes_over_and_back() -> None:
    events = Completions().replay(BODY)

    assert b"data: " in events
    assert orjson.loads(Completions().assemble(events))["choices"] == orjson.loads(BODY)["choices"]


def test_its_prompt_is_what_is_counted() -> None:
    tokenizer = Tokenizer.named("o200k_base")

    assert Completions().count_input(read(Completions(), prompt="Hello there"), tokenizer) == 2
    assert Completions().count_input(read(Completions(), prompt=[1, 2, 3]), tokenizer) == 3


def test_messages_are_not_a_prompt() -> None:
    with pytest.raises(InvalidRequest):
        read(Completions(), messages=[{"role": "user", "content": "Hi"}])
