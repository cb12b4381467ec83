"""What every endpoint's two shapes have in common, and that nothing a provider sends can break it."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.chat.completions_shapes import COMPLETIONS
from gateway.chat.shape import Shape
from gateway.chat.shapes import CHAT
from gateway.chat.wire import event
from gateway.errors import Untranslatable
from gateway.native import without_usage
from tests.chat.nonsense import values

USAGE = {"prompt_tokens": 1, "completion_tokens": 0}
NAMES = [
    "choices",
    "index",
    "delta",
    "message",
    "content",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "usage",
    "id",
]
NAMES += [
    "logprobs",
    "finish_reason",
    "audio",
    "data",
    "transcript",
    "function_call",
    "role",
    "text",
    "reasoning",
    "type",
]
chunks = st.lists(values(NAMES) | st.fixed_dictionaries({"choices": st.lists(values(NAMES), max_size=3)}), max_size=5)
both = pytest.mark.parametrize("shape", [CHAT, COMPLETIONS], ids=lambda shape: shape.whole)


@both
def test_an_answer_without_choices_has_none_as_a_whole_and_only_usage_in_a_stream(shape: Shape) -> None:
    only_usage = event({"id": "x", "choices": [], "usage": USAGE})

    whole = shape.assemble(only_usage)

    assert orjson.loads(whole) == {"id": "x", "object": shape.whole, "choices": [], "usage": USAGE}
    streamed = shape.replay(whole)
    assert orjson.loads(streamed[6:]) == {"id": "x", "object": shape.chunk, "choices": [], "usage": USAGE}
    assert without_usage(streamed) == b""


@both
def test_nothing_at_all_is_an_answer_without_choices(shape: Shape) -> None:
    assert orjson.loads(shape.assemble(b"")) == {"object": shape.whole, "choices": []}
    assert shape.replay(b"{}") == shape.replay(b'{"choices":null}') == b""


@both
def test_azures_blank_first_and_last_chunks_name_nothing(shape: Shape) -> None:
    blank = {"id": "", "created": 0, "model": "", "choices": []}
    said = {"id": "x", "created": 5, "model": "m", "choices": []}

    whole = orjson.loads(shape.assemble(event(blank) + event(said) + event(blank)))

    assert (whole["id"], whole["created"], whole["model"]) == ("x", 5, "m")


@both
def test_a_choice_without_an_index_is_in_its_place(shape: Shape) -> None:
    streamed = shape.replay(b'{"choices":[{"finish_reason":"stop"},{"finish_reason":"length"}]}')

    assert [choice["index"] for choice in orjson.loads(shape.assemble(streamed))["choices"]] == [0, 1]


@both
def test_the_index_of_a_choice_sizes_nothing(shape: Shape) -> None:
    far = event({"choices": [{"index": 10_000_000, "finish_reason": "stop"}, {"index": -1, "finish_reason": "stop"}]})

    whole = shape.assemble(far)

    assert [choice["index"] for choice in orjson.loads(whole)["choices"]] == [-1, 10_000_000]
    assert len(shape.replay(whole)) < 1000


@both
def test_integers_beyond_64_bits_and_lone_surrogates_stay_what_they_are(shape: Shape) -> None:
    whole = (
        b'{"object":"%s","choices":[],"seed":123456789012345678901234567890,"note":"a\\ud83d"}' % shape.whole.encode()
    )
    usage = whole[:-1] + b',"usage":{"n":123456789012345678901234567890}}'

    again = json.loads(shape.assemble(shape.replay(usage)))

    assert again == json.loads(usage)


@both
@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"1",
        b'{"choices":{}}',
        b'{"choices":[1]}',
        b'{"choices":[{"index":"a"}]}',
        b'{"choices":[{"index":1.5}]}',
        b'{"choices":[],"x":1e400}',
        b"{",
    ],
    ids=repr,
)
def test_what_cannot_be_said_in_the_other_shape_is_refused_by_name(shape: Shape, raw: bytes) -> None:
    with pytest.raises(Untranslatable):
        shape.replay(raw)
    with pytest.raises(Untranslatable):
        shape.assemble(b"data: " + raw + b"\n\n")


@both
@given(found=chunks)
def test_whatever_a_provider_streams_is_told_or_refused(shape: Shape, found: list[Any]) -> None:
    try:
        whole = shape.assemble(b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in found))
    except Untranslatable:
        return
    assert orjson.loads(whole)["object"] == shape.whole


@both
@given(found=values(NAMES) | st.fixed_dictionaries({"choices": st.lists(values(NAMES), max_size=3)}))
def test_whatever_a_provider_answers_is_told_or_refused(shape: Shape, found: Any) -> None:
    try:
        events = shape.replay(json.dumps(found).encode())
    except Untranslatable:
        return
    assert all(block.startswith(b"data: {") for block in events.split(b"\n\n")[:-1])


def test_a_long_answer_in_small_pieces_is_put_together_in_linear_time() -> None:
    events = event({"choices": [{"delta": {"content": "ab"}}]}) * 50_000

    assert orjson.loads(CHAT.assemble(events))["choices"][0]["message"]["content"] == "ab" * 50_000
