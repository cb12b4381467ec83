"""One answer, two shapes: what goes over to the other shape and back is the same answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.chat.shapes import CHAT
from gateway.chat.wire import event, write
from gateway.errors import Untranslatable
from tests.recordings import FOLDER, chat_recordings, expected, needs_recordings, payloads

STREAMS = chat_recordings(".sse", ".jsonl")
WHOLES = chat_recordings(".json", ".gz")


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def normalised(reply: dict[str, Any]) -> dict[str, Any]:
    """What a round trip may add: `logprobs: null` in a choice, `content: null` in a message, `type` in a tool call. It leaves
    out the index that DeepSeek puts into the tool calls of whole answers."""
    choices = []
    for choice in reply["choices"]:
        message = {"content": None, **choice["message"]}
        if message.get("tool_calls") is not None:
            message["tool_calls"] = [
                {"type": "function", **{field: value for field, value in call.items() if field != "index"}}
                for call in message["tool_calls"]
            ]
        choices.append({"logprobs": None, **choice, "message": message})
    return {**reply, "choices": choices}


def round_trip(reply: dict[str, Any]) -> dict[str, Any]:
    return dict(orjson.loads(CHAT.assemble(CHAT.replay(orjson.dumps(reply)))))


@needs_recordings
@pytest.mark.parametrize("path", WHOLES, ids=name)
def test_a_recorded_whole_answer_survives_being_a_stream(path: Path) -> None:
    reply = orjson.loads(payloads(path)[0])

    assert round_trip(reply) == normalised(reply)


@needs_recordings
@pytest.mark.parametrize("path", STREAMS, ids=name)
def test_a_recorded_stream_amounts_to_what_the_sdk_read(path: Path) -> None:
    reading = expected(path.parent)[path.name]
    good = [payload for payload in payloads(path) if "error" not in orjson.loads(payload)]

    reply = orjson.loads(CHAT.assemble(b"".join(b"data: " + payload + b"\n\n" for payload in good)))

    assert reply["object"] == "chat.completion"
    assert [told(choice) for choice in reply["choices"]] == [
        {field: value for field, value in choice.items() if field != "read_by"} for choice in reading["choices"]
    ]
    assert reply.get("usage") == next(filter(None, (orjson.loads(each).get("usage") for each in reversed(good))), None)


def told(choice: dict[str, Any]) -> dict[str, Any]:
    """A choice in the terms of expected.json."""
    message = choice["message"]
    content = message.get("content")
    reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
    if isinstance(content, list):  # Mistral: thinking parts and text parts
        thoughts = [part["thinking"] for part in content if part["type"] == "thinking"]
        reasoning = "".join(piece["text"] for pieces in thoughts for piece in pieces)
        content = "".join(part["text"] for part in content if part["type"] == "text")
    calls = [{"id": call["id"], **call["function"]} for call in message.get("tool_calls") or ()]
    return {
        "text": content or "",
        "reasoning": reasoning,
        "refusal": message.get("refusal") or "",
        "tool_calls": calls,
        "finish_reason": choice["finish_reason"],
        "logprob_tokens": len((choice["logprobs"] or {}).get("content") or ()),
        "index": choice["index"],
    }


@needs_recordings
@pytest.mark.parametrize("path", [path for path in STREAMS if "error" not in path.name], ids=name)
def test_an_assembled_stream_survives_being_a_stream_again(path: Path) -> None:
    whole = orjson.loads(CHAT.assemble(b"".join(b"data: " + payload + b"\n\n" for payload in payloads(path))))

    assert round_trip(whole) == whole


def reply(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": None, **message},
            "logprobs": None,
            "finish_reason": "stop",
        }
        for index, message in enumerate(messages)
    ]
    common = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
    return {
        **common,
        "choices": choices,
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        **fields,
    }


CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
ANSWERS = {
    "text": reply({"content": "Hello, wörld \u2028 😀"}),
    "empty text": reply({"content": ""}),
    "several choices": reply({"content": "a"}, {"content": "b"}, {"content": None, "refusal": "no"}),
    "reasoning": reply({"content": "4", "reasoning_content": "2 + 2"}),
    "tool calls": reply({"tool_calls": [CALL, {**CALL, "id": "call_2"}]}),
    "a function call": reply({"function_call": {"name": "f", "arguments": "{}"}}),
    "parts": reply(
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}]}
    ),
    "audio": reply({"audio": {"id": "a", "data": "AAAA", "transcript": "hi", "expires_at": 1}}),
    "annotations": reply({"content": "x", "annotations": [{"type": "url_citation", "url_citation": {"url": "u"}}]}),
    "what nobody knows": reply(
        {"content": "x", "novelty": {"deep": [1, 2]}}, system_fingerprint="fp", service_tier="flex"
    ),
    "no usage": {name: value for name, value in reply({"content": "x"}).items() if name != "usage"},
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_survives_being_a_stream(kind: str) -> None:
    assert round_trip(ANSWERS[kind]) == ANSWERS[kind]


def test_logprobs_are_kept_and_appended() -> None:
    def part(token: str) -> dict[str, Any]:
        return {
            "id": "x",
            "choices": [{"index": 0, "delta": {"content": token}, "logprobs": {"content": [{"token": token}]}}],
        }

    assembled = orjson.loads(CHAT.assemble(event(part("a")) + event(part("b"))))

    assert assembled["choices"][0]["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}]}
    answer = reply({"content": "ab"})
    answer["choices"][0]["logprobs"] = {"content": [{"token": "a"}, {"token": "b"}], "refusal": None}
    assert round_trip(answer) == answer


def test_a_replay_is_chunks_with_usage_at_the_end_alone() -> None:
    events = CHAT.replay(orjson.dumps(ANSWERS["several choices"]))

    chunks = [orjson.loads(block[6:]) for block in events.split(b"\n\n") if block]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * 6
    assert (chunks[-1]["choices"], chunks[-1]["usage"]) == ([], ANSWERS["text"]["usage"])
    assert [chunk["choices"][0]["index"] for chunk in chunks[:-1]] == [0, 0, 1, 1, 2, 2]
    assert b"[DONE]" not in events


def test_tool_call_deltas_are_put_together_by_their_index() -> None:
    def part(*calls: dict[str, Any]) -> bytes:
        return event({"id": "x", "choices": [{"index": 0, "delta": {"tool_calls": list(calls)}}]})

    events = part({"index": 1, "id": "b", "function": {"name": "g", "arguments": ""}})
    events += part({"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x"'}})
    events += part(
        {"index": 0, "id": "", "function": {"arguments": ":1}"}}, {"index": 1, "function": {"arguments": "{}"}}
    )

    calls = orjson.loads(CHAT.assemble(events))["choices"][0]["message"]["tool_calls"]

    assert calls == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]


def deltas(*messages: dict[str, Any]) -> dict[str, Any]:
    """The message that a stream of these deltas amounts to."""
    events = b"".join(event({"id": "x", "choices": [{"index": 0, "delta": message}]}) for message in messages)
    message = orjson.loads(CHAT.assemble(events))["choices"][0]["message"]
    assert isinstance(message, dict)
    return message


@pytest.mark.parametrize("index", [10_000_000, -1, 2**63])
def test_the_index_of_a_tool_call_sizes_nothing(index: int) -> None:
    first = {"index": index, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}}
    message = deltas({"tool_calls": [first]}, {"tool_calls": [{"index": index, "function": {"arguments": "}"}}]})

    assert message["tool_calls"] == [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


@pytest.mark.parametrize("index", ["0", 1.5, True, [0], {}])
def test_an_index_that_is_none_cannot_be_told(index: Any) -> None:
    with pytest.raises(Untranslatable):
        deltas({"tool_calls": [{"index": index, "id": "a"}]})


@pytest.mark.parametrize("index", [10_000_000, -1, "0", 1.5, 10**30, None])
def test_a_whole_answers_tool_calls_are_counted_anew(index: Any) -> None:
    answer = reply({"tool_calls": [{**CALL, "index": index}, CALL]})

    events = CHAT.replay(write(answer))

    assert len(events) < 2000
    assert orjson.loads(CHAT.assemble(events))["choices"][0]["message"]["tool_calls"] == [CALL, CALL]


def test_blank_repeats_overwrite_nothing() -> None:
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}}
    blank = {"index": 0, "id": "", "type": "", "function": {"name": "", "arguments": "}"}}
    message = deltas(
        {"role": "assistant", "tool_calls": [call], "function_call": {"name": "g", "arguments": ""}},
        {"role": "", "tool_calls": [blank], "function_call": {"name": "", "arguments": "x"}},
        {"role": None, "tool_calls": [{**blank, "id": None, "type": None, "function": {"name": None}}]},
    )

    assert message["role"] == "assistant"
    assert message["tool_calls"] == [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    assert message["function_call"] == {"name": "g", "arguments": "x"}


def test_custom_tool_calls_are_put_together() -> None:
    message = deltas(
        {"tool_calls": [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "f", "input": "x"}}]},
        {"tool_calls": [{"index": 0, "custom": {"input": "y"}}]},
    )

    assert message["tool_calls"] == [{"id": "a", "type": "custom", "custom": {"name": "f", "input": "xy"}}]


def test_audio_is_joined() -> None:
    pieces = [{"id": "audio_1", "transcript": "Hel"}, {"data": "AAE="}, {"data": "Ag==", "transcript": "lo"}]
    message = deltas(*({"audio": piece} for piece in pieces), {"audio": {"expires_at": 7}})

    assert message["audio"] == {"id": "audio_1", "transcript": "Hello", "data": "AAEC", "expires_at": 7}


def test_a_cut_emoji_and_a_long_integer_stay_what_they_are() -> None:
    whole = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"a\\ud83d"},"logprobs":null,'
    whole += b'"finish_reason":"stop"}],"object":"chat.completion","seed":123456789012345678901}'

    assert json.loads(CHAT.assemble(CHAT.replay(whole))) == json.loads(whole)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"choices":[{"message":"a"}]}',
        b'{"choices":[{"message":{"tool_calls":{"a":1}}}]}',
        b'{"choices":[{"message":{"tool_calls":[1]}}]}',
        b'{"choices":[{"message":{"content":"a","odds":1e400}}]}',
    ],
    ids=repr,
)
def test_what_cannot_be_streamed_is_refused_by_name(raw: bytes) -> None:
    with pytest.raises(Untranslatable):
        CHAT.replay(raw)


@pytest.mark.parametrize(
    "delta",
    [
        "a",
        [],
        {"tool_calls": {}},
        {"tool_calls": [1]},
        {"function_call": "f"},
        {"audio": [1]},
        {"audio": {"data": "a=b"}},
    ],
    ids=repr,
)
def test_what_cannot_be_put_together_is_refused_by_name(delta: Any) -> None:
    with pytest.raises(Untranslatable):
        CHAT.assemble(event({"choices": [{"index": 0, "delta": delta}]}))


@pytest.mark.parametrize("separator", [b"\n\n", b"\r\n\r\n"])
def test_comments_names_and_line_ends_do_not_matter(separator: bytes) -> None:
    chunk = orjson.dumps({"id": "x", "choices": [{"index": 0, "delta": {"content": "a"}}]})
    events = separator.join(
        [b": keep-alive", b"event: message" + separator[: -len(separator) // 2] + b"data:" + chunk, b""]
    )

    assert orjson.loads(CHAT.assemble(events))["choices"][0]["message"]["content"] == "a"


@needs_recordings
def test_there_are_recordings_of_both_shapes() -> None:
    assert FOLDER.is_dir()
    assert len(STREAMS) > 10
    assert len(WHOLES) > 3
