"""Completions in both shapes: what goes over and back is the same answer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.chat.completions_shapes import COMPLETIONS
from gateway.chat.wire import event
from tests.recordings import FOLDER, expected, needs_recordings, payloads

COMMON = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m"}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
LOGPROBS = {"tokens": ["a", "b"], "token_logprobs": [-1, -2], "top_logprobs": [{"a": -1}, None], "text_offset": [0, 1]}


def choice(text: str, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": "stop", **fields}


ANSWERS = {
    "text": [choice("Hello, wörld")],
    "empty text": [choice("")],
    "several choices": [choice("a"), choice("b", 1, finish_reason="length")],
    "logprobs": [choice("ab", logprobs=LOGPROBS)],
    "what nobody knows": [choice("a", stop_reason="\n", novelty=[1])],
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_survives_being_a_stream(kind: str) -> None:
    answer = {**COMMON, "choices": ANSWERS[kind], "usage": USAGE}

    assert orjson.loads(COMPLETIONS.assemble(COMPLETIONS.replay(orjson.dumps(answer)))) == answer


def test_deltas_are_joined_choice_by_choice() -> None:
    said = [("a", 1, None), ("b", 0, None), ("c", 1, "length"), ("", 0, "stop")]
    parts = [choice(text, index, finish_reason=reason) for text, index, reason in said]

    whole = orjson.loads(COMPLETIONS.assemble(b"".join(event({**COMMON, "choices": [part]}) for part in parts)))

    assert whole == {**COMMON, "choices": [choice("b"), choice("ac", 1, finish_reason="length")]}


def test_logprobs_are_put_one_after_the_other() -> None:
    first = {"tokens": ["a"], "token_logprobs": [-1], "top_logprobs": [{"a": -1}], "text_offset": [0]}
    second = {"tokens": ["b"], "token_logprobs": [-2], "top_logprobs": [None], "text_offset": [1]}
    events = b"".join(event({"choices": [choice("x", logprobs=part)]}) for part in (first, second))

    assert orjson.loads(COMPLETIONS.assemble(events))["choices"][0]["logprobs"] == LOGPROBS


def test_a_replay_ends_each_choice_and_has_usage_at_the_end_alone() -> None:
    events = COMPLETIONS.replay(orjson.dumps({**COMMON, "choices": ANSWERS["several choices"], "usage": USAGE}))

    chunks = [orjson.loads(block[6:]) for block in events.split(b"\n\n") if block]
    assert {chunk["object"] for chunk in chunks} == {"text_completion"}
    said = [(part["text"], part["index"], part["finish_reason"]) for chunk in chunks for part in chunk["choices"]]
    assert said == [("a", 0, None), ("", 0, "stop"), ("b", 1, None), ("", 1, "length")]
    assert [chunk["usage"] for chunk in chunks] == [None, None, None, None, USAGE]


@needs_recordings
def test_a_recorded_stream_amounts_to_what_the_sdk_read() -> None:
    path = FOLDER / "openai/legacy_completions_stream.chunks.jsonl"
    events = b"".join(b"data: " + payload + b"\n\n" for payload in payloads(path))

    whole = orjson.loads(COMPLETIONS.assemble(events))

    assert whole["choices"][0]["text"] == expected(path.parent)[path.name]["text"]
    assert whole["choices"][0]["finish_reason"] == "length"


@needs_recordings
def test_a_recorded_whole_answer_survives_being_a_stream() -> None:
    answer = orjson.loads(payloads(FOLDER / "openai/legacy_completions.json")[0])

    assert orjson.loads(COMPLETIONS.assemble(COMPLETIONS.replay(orjson.dumps(answer)))) == answer
