"""A convincing stand-in for a chat model."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.native import Tokenizer
from tests.upstream.demo.asking import asked, chat, in_no_time, streamed

__all__ = ["in_no_time"]

CHAT = "/chat/completions"


def text(content: str, **fields: Any) -> str:
    return str(chat(content, **fields)["message"]["content"])


def tokens(said: str) -> int:
    return Tokenizer.named("o200k_base").count(said)


def test_it_answers_what_was_asked_and_says_who_it_is() -> None:
    said = text("Why do bees dance?")

    assert "Why do bees dance?" in said
    assert "demo" in said
    assert "billed" not in said


def test_it_says_what_it_is_told_to() -> None:
    assert text("Say hello").startswith("Hello! ")
    assert text("Reply with exactly: OK") == "OK"


def test_parts_of_a_message_are_read() -> None:
    parts = [{"type": "text", "text": "Why do bees"}, {"type": "image_url"}, {"type": "text", "text": "dance?"}]

    assert "Why do bees dance?" in str(asked(CHAT, messages=[{"role": "user", "content": parts}]))


@pytest.mark.parametrize(
    ("question", "fields", "low", "high"),
    [
        ("Tell me about bees in 200 words", {}, 180, 420),
        ("Tell me about bees", {"max_tokens": 1000}, 400, 1000),
        ("Tell me about bees", {"min_tokens": 300}, 200, 500),
        ("Tell me about bees", {"max_tokens": 5}, 5, 5),
        ("Tell me about bees", {"max_completion_tokens": 7, "max_tokens": 5}, 7, 7),
        ("Tell me about bees", {}, 20, 120),
    ],
)
def test_answers_are_as_long_as_they_should_be(question: str, fields: dict[str, Any], low: int, high: int) -> None:
    answer = asked(CHAT, messages=[{"role": "user", "content": question}], **fields)

    assert low <= answer["usage"]["completion_tokens"] <= high
    assert (answer["choices"][0]["finish_reason"] == "length") == (high < 10)


def test_a_long_answer_speaks_of_the_question() -> None:
    assert text("Explain photosynthesis in 400 words").count("photosynthesis") > 5


def test_usage_counts_what_was_said() -> None:
    answer = asked(CHAT, messages=[{"role": "user", "content": "Hi"}], n=3)

    said = [choice["message"]["content"] for choice in answer["choices"]]
    assert len(set(said)) > 1
    assert answer["usage"]["completion_tokens"] == sum(tokens(one) for one in said)
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]


@pytest.mark.parametrize("stop", ["demo", ["zzz", "demo"]])
def test_a_stop_sequence_ends_the_text(stop: Any) -> None:
    whole = text("Why?")
    cut = chat("Why?", stop=stop)

    assert "demo" in whole
    assert "demo" not in cut["message"]["content"]
    assert cut["message"]["content"]
    assert cut["finish_reason"] == "stop"


def test_probabilities_of_tokens() -> None:
    choice = chat("Why?", logprobs=True, top_logprobs=3)

    entries = choice["logprobs"]["content"]
    assert b"".join(bytes(entry["bytes"]) for entry in entries).decode() == choice["message"]["content"]
    assert all(len(entry["top_logprobs"]) == 3 for entry in entries)
    assert all(entry["top_logprobs"][0]["token"] == entry["token"] for entry in entries)
    assert all(entry["logprob"] <= 0 for entry in entries)
    assert chat("Why?", logprobs=True)["logprobs"]["content"][0]["top_logprobs"] == []
    assert chat("Why?")["logprobs"] is None


def test_a_stream_has_the_same_probabilities() -> None:
    events = streamed(CHAT, messages=[{"role": "user", "content": "¿Por qué? 🎉"}], logprobs=True)
    choices = [event["choices"][0] for event in events]

    told = [entry for choice in choices if choice["logprobs"] for entry in choice["logprobs"]["content"]]
    assert b"".join(bytes(entry["bytes"]) for entry in told).decode() == "".join(
        choice["delta"].get("content", "") for choice in choices
    )


def test_choices_are_streamed_side_by_side() -> None:
    events = streamed(CHAT, messages=[{"role": "user", "content": "Hi"}], n=2)

    assert [event["choices"][0]["index"] for event in events[:6]] == [0, 1, 0, 1, 0, 1]
    assert sum(event["choices"][0]["finish_reason"] == "stop" for event in events) == 2


def test_json_on_request() -> None:
    assert "answer" in orjson.loads(text("Why?", response_format={"type": "json_object"}))


def test_the_answer_to_a_tools_answer_is_text() -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    messages = [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "18 degrees"},
    ]

    (choice,) = asked(CHAT, messages=messages, tools=[tool])["choices"]

    assert "18 degrees" in choice["message"]["content"]
    assert choice["finish_reason"] == "stop"
