"""`native.Scanner` against recorded provider traffic and against the standard library's JSON reader."""

import gzip
import itertools
import json
import os
import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.native import Events, Scanner, SseError, without_usage

SHARED = Path(os.environ.get("GATEWAY_SHARED", Path(__file__).parents[2] / "../shared"))
RECORDINGS = SHARED / "recordings"
COMPATIBLE = ("openai", "deepseek", "xai", "groq", "mistral", "azure")

needs_recordings = pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"no recordings at {RECORDINGS}")


def recorded(suffix: str) -> list[Path]:
    paths = [path for name in COMPATIBLE for path in sorted((RECORDINGS / name).glob(f"*{suffix}"))]
    return [path for path in paths if not path.name.startswith("responses_")]


def stream_of(path: Path) -> bytes:
    """The recording as a provider sends it; `.chunks.jsonl` keeps one payload a line."""
    raw = path.read_bytes()
    if path.suffix == ".sse":
        return raw
    return b"".join(b"data: " + line + b"\n\n" for line in raw.splitlines() if line) + b"data: [DONE]\n\n"


def expected(path: Path) -> dict[str, Any]:
    found = json.loads((path.parent / "expected.json").read_text())[path.name]
    assert isinstance(found, dict)
    return found


STREAMS = recorded(".sse") + recorded(".chunks.jsonl")
streams = pytest.mark.parametrize("path", STREAMS, ids=lambda path: f"{path.parent.name}/{path.stem}")


class Reading:
    """What a gateway would see of one answer."""

    def __init__(self, reads: Iterable[bytes], **options: Any) -> None:
        self.scanner = Scanner(**options)
        self.chunks = [self.scanner.feed(read) for read in reads]
        self.chunks.append(self.scanner.end())
        self.data = b"".join(chunk.data for chunk in self.chunks)

    def transcript(self) -> tuple[object, ...]:
        said = self.scanner
        return (
            self.data,
            said.text,
            said.reasoning,
            said.tools,
            said.generated,
            said.finish,
            said.choices,
            said.finished,
            said.usage,
            said.model,
            said.done,
            said.error,
            said.ended,
            said.complete,
            said.keepable,
            sum(chunk.events for chunk in self.chunks),
            [chunk.invalid for chunk in self.chunks if chunk.invalid],
            any(chunk.truncated for chunk in self.chunks),
            any(chunk.content for chunk in self.chunks),
            [chunk.finish for chunk in self.chunks if chunk.finish][-1:],
            [chunk.usage for chunk in self.chunks if chunk.usage][-1:],
            [chunk.error for chunk in self.chunks if chunk.error][:1],
        )


def payloads(stream: bytes) -> Iterator[dict[str, Any]]:
    """The events of a stream, read the slow way."""
    for line in stream.decode().replace("\r\n", "\n").split("\n"):
        if line.startswith("data:") and "[DONE]" not in line:
            yield json.loads(line[5:])


def joined(choices: list[dict[str, Any]], read: Callable[[dict[str, Any]], str | None]) -> str:
    return "".join(read(choice) or "" for choice in choices)


def calls(choice: dict[str, Any]) -> str:
    return "".join(call["name"] + call["arguments"] for call in choice["tool_calls"])


def said(choice: dict[str, Any]) -> str:
    return str(choice["text"] or "") + str(choice["refusal"] or "")


def same_usage(raw: bytes | None, want: dict[str, Any]) -> bool:
    """Equal up to fields that the provider's SDK does not keep."""
    assert raw is not None
    usage = json.loads(raw)
    return all(usage[name] == value for name, value in want.items() if not isinstance(value, dict))


@needs_recordings
@streams
def test_recorded_streams_read_as_the_provider_s_own_sdk_reads_them(path: Path) -> None:
    want = expected(path)
    reading = Reading([stream_of(path)])
    scanner = reading.scanner
    if "text" in want:
        assert (scanner.text, scanner.complete, scanner.finish) == (want["text"], True, "length")
        return
    choices = want["choices"]
    assert scanner.text == joined(choices, said)
    assert scanner.reasoning == joined(choices, lambda choice: choice["reasoning"])
    assert scanner.tools == joined(choices, calls)
    assert scanner.choices == len(choices)
    assert scanner.finish == choices[-1]["finish_reason"]
    assert scanner.finished == sum(choice["finish_reason"] is not None for choice in choices)
    if want.get("usage"):
        assert same_usage(scanner.usage, want["usage"])
    if "error" in want:
        assert scanner.error is not None
        assert json.loads(scanner.error)["message"] == want["error"]["message"]
        assert not scanner.complete
    else:
        assert scanner.error is None
        assert scanner.complete
        assert scanner.done
        assert sum(chunk.events for chunk in reading.chunks) == want["chunks"]


@needs_recordings
@streams
def test_what_is_forwarded_is_what_came_without_the_end_and_what_breaks_clients(path: Path) -> None:
    stream = stream_of(path)
    lines = [line for line in stream.split(b"\n") if line.startswith(b"data: {")]
    want = [line for line in lines if not line.startswith(b'data: {"error"')]
    assert Reading([stream]).data == b"".join(line + b"\n\n" for line in want)


@needs_recordings
@streams
def test_a_stream_split_at_every_byte_is_the_same_stream(path: Path) -> None:
    stream = stream_of(path)
    whole = Reading([stream]).transcript()
    assert Reading(stream[i : i + 1] for i in range(len(stream))).transcript() == whole
    rng = random.Random(path.name)
    for _ in range(30):
        cuts = sorted({0, len(stream), *(rng.randrange(len(stream)) for _ in range(rng.randrange(40)))})
        assert Reading(stream[a:b] for a, b in itertools.pairwise(cuts)).transcript() == whole


@needs_recordings
@streams
def test_without_usage_hides_usage_and_nothing_else(path: Path) -> None:
    forwarded = Reading([stream_of(path)]).data
    want = []
    for event in payloads(forwarded):
        if not (event["choices" if "choices" in event else "error"] == [] and event.get("usage")):
            event.pop("usage", None)
            want.append(event)
    shown = without_usage(forwarded)
    assert list(payloads(shown)) == want
    assert without_usage(shown) is shown


@needs_recordings
@pytest.mark.parametrize(
    "path",
    [
        RECORDINGS / "deepseek/reasoning_content.json",
        RECORDINGS / "deepseek/tool_call.json",
        RECORDINGS / "xai/chat_tool_call.json",
        RECORDINGS / "gemini/openai_compat_tool_calls_without_id.json",
        RECORDINGS / "openai/chat_nonstream_tool_call_full_headers_gzip.json.gz",
    ],
    ids=lambda path: path.parent.name,
)
def test_recorded_bodies_read_as_the_provider_s_own_sdk_reads_them(path: Path) -> None:
    body = path.read_bytes()
    body = gzip.decompress(body) if path.suffix == ".gz" else body
    want = expected(path)
    reading = Reading([body[:100], body[100:]], whole=True)
    scanner = reading.scanner
    assert reading.data == body
    assert scanner.text == joined(want["choices"], said)
    assert scanner.reasoning == joined(want["choices"], lambda choice: choice["reasoning"])
    assert scanner.tools == joined(want["choices"], calls)
    assert scanner.finish == want["choices"][-1]["finish_reason"]
    assert scanner.model == json.loads(body)["model"]
    assert same_usage(scanner.usage, want["usage"])
    assert scanner.complete
    assert reading.chunks[-1].content


@needs_recordings
@pytest.mark.parametrize("path", [p for p in recorded(".json") if p.name.startswith("error_")], ids=lambda p: p.name)
def test_a_recorded_error_body_is_an_error(path: Path) -> None:
    reading = Reading([path.read_bytes()], whole=True)
    assert json.loads(reading.scanner.error or b"") == json.loads(path.read_bytes())["error"]
    assert not reading.scanner.complete


def event(delta: object = None, *, finish: str | None = None, index: int = 0, **more: object) -> bytes:
    choice = {"index": index, "delta": delta if delta is not None else {}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c1", "model": "m", "choices": [choice], **more}).encode() + b"\n\n"


HELLO = event({"role": "assistant", "content": ""}) + event({"content": "Hel"}) + event({"content": "lo"})
END = event(finish="stop")
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"

ODD = {
    "CRLF": (HELLO + END + DONE).replace(b"\n", b"\r\n"),
    "CR": (HELLO + END + DONE).replace(b"\n", b"\r"),
    "byte order mark": b"\xef\xbb\xbf" + HELLO + END + DONE,
    "no space": (HELLO + END + DONE).replace(b"data: ", b"data:"),
    "comments": b": OPENROUTER PROCESSING\n\n" * 17 + HELLO + b": ping\n\n" + END + DONE,
    "names and ids": b"retry: 10\n\n" + HELLO.replace(b"data:", b"event: chunk\nid: 7\ndata:") + END + DONE,
    "blank lines": b"\n\n" + HELLO.replace(b"\n\n", b"\n\n\n\n") + END + DONE,
    "empty data": b"data:\n\n" + HELLO + b"data: \n\n" + END + DONE,
    "several lines": b'data: {"choices":\ndata: [{"index":0,"delta":{"content":"Hello"},\n'
    b'data:"finish_reason":"stop"}]}\n\n' + DONE,
    "no last blank line": HELLO + END.rstrip(b"\n"),
    "no DONE": HELLO + END,
    "after DONE": HELLO + END + DONE + b"data: {nonsense\n\n",
    "unknown members": HELLO.replace(b"{", b'{"x":[1,-2.5e+7,true,{"\\u00e9":null}],', 1) + END + DONE,
}


@pytest.mark.parametrize("stream", ODD.values(), ids=ODD)
def test_every_framing_that_clients_accept_is_read_and_made_plain(stream: bytes) -> None:
    reading = Reading([stream])
    assert reading.scanner.text == "Hello"
    assert reading.scanner.complete
    assert reading.scanner.done == (b"DONE" in stream)
    assert all(line.startswith(b"data:") for line in reading.data.split(b"\n") if line)
    assert b"\r" not in reading.data
    for i in range(len(stream)):
        assert Reading([stream[:i], stream[i:]]).transcript() == reading.transcript()


def test_a_small_stream_split_at_every_pair_of_bytes_is_the_same() -> None:
    content = b'{"choices":[{"delta":{"content":"\\ud83d\\ude00 \xc3\xa9"}}]}'
    stream = b"\xef\xbb\xbf: hi\r\n\r\ndata: " + content + b"\r\n\r\ndata: [DONE]\n\n"
    want = Reading([stream]).transcript()
    assert want[1] == "😀 é"
    for i in range(len(stream)):
        for j in range(i, len(stream)):
            assert Reading([stream[:i], stream[i:j], stream[j:]]).transcript() == want


def test_a_read_that_needs_no_change_is_handed_back_itself() -> None:
    scanner = Scanner()
    assert scanner.feed(HELLO).data is HELLO
    chunk = scanner.feed(END + DONE)
    assert (chunk.data, chunk.done, chunk.events, chunk.finish) == (END, True, 1, "stop")


def test_the_tail_of_an_unfinished_event_is_held() -> None:
    scanner = Scanner()
    read = HELLO + END
    assert scanner.feed(read[:-5]).data == HELLO
    assert scanner.text == "Hello"
    assert not scanner.complete
    assert scanner.feed(read[-5:]).data == END
    assert scanner.complete


@pytest.mark.parametrize(
    ("delta", "content"),
    [
        ({"role": "assistant"}, False),
        ({"content": ""}, False),
        ({"content": None}, False),
        ({"content": "a"}, True),
        ({"reasoning_content": "a"}, True),
        ({"reasoning": "a"}, True),
        ({"refusal": "a"}, True),
        ({"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f", "arguments": ""}}]}, True),
        ({"tool_calls": []}, False),
        ({"tool_calls": None}, False),
        ({"function_call": {"name": "f"}}, True),
        ({"audio": {"id": "a"}}, True),
        ({"images": [{"type": "image_url"}]}, True),
        ({"images": []}, False),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}]}, True),
    ],
)
def test_content_begins_with_what_the_model_generates(delta: object, content: bool) -> None:
    assert Scanner().feed(event(delta)).content is content


def test_a_thought_under_both_names_is_one_thought() -> None:
    scanner = Scanner()
    scanner.feed(
        event({"reasoning": "hm", "reasoning_content": "hm"}) + event({"reasoning": "a", "reasoning_content": "b"})
    )
    assert scanner.reasoning == "hmab"


def test_choices_are_kept_apart_and_read_in_their_order() -> None:
    scanner = Scanner()
    scanner.feed(event({"content": "B"}, index=1) + event({"content": "A"}) + event({"content": "b"}, index=1))
    scanner.feed(event({"content": "a"}) + event(finish="stop", index=1))
    assert (scanner.text, scanner.choices, scanner.finished, scanner.complete) == ("AaBb", 2, 1, False)
    scanner.feed(event(finish="length"))
    assert (scanner.finished, scanner.complete, scanner.finish) == (2, True, "length")


def test_tool_calls_count_as_generated() -> None:
    scanner = Scanner()
    scanner.feed(event({"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f", "arguments": '{"a"'}}]}))
    scanner.feed(event({"tool_calls": [{"index": 0, "function": {"arguments": ':"\\n"}'}}]}) + event({"content": "!"}))
    assert scanner.tools == 'f{"a":"\\n"}'
    assert scanner.generated == '!f{"a":"\\n"}'


def test_usage_is_the_last_object_wherever_the_provider_puts_it() -> None:
    scanner = Scanner()
    assert scanner.feed(event({"content": "a"}, usage=None)).usage is None
    chunk = scanner.feed(event({"content": "a"}, usage={"total_tokens": 1}) + event(usage=None))
    assert chunk.usage == scanner.usage == b'{"total_tokens": 1}'
    groq = event(x_groq={"id": "r", "usage": {"total_tokens": 2}})
    assert scanner.feed(groq).usage == b'{"total_tokens": 2}'
    moonshot = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"total_tokens":3}}]}\n\n'
    assert scanner.feed(moonshot).usage == b'{"total_tokens":3}'


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (b'data: {"error":{"code":429}}\n\n', b'{"code":429}'),
        (b'event: error\ndata: {"error":{"code":429}}\n\n', b'{"code":429}'),
        (b'event: error\ndata: {"message":"no"}\n\n', b'{"message":"no"}'),
        (b'data: {"object":"error","message":"no"}\n\n', b'{"object":"error","message":"no"}'),
        (b'data: {"error":"no","choices":[]}\n\n', b'"no"'),
    ],
)
def test_an_error_in_the_stream_is_seen_and_not_forwarded(stream: bytes, error: bytes) -> None:
    scanner = Scanner()
    scanner.feed(HELLO + END)
    chunk = scanner.feed(stream)
    assert chunk.error == scanner.error == error
    assert (chunk.data, chunk.events) == (b"", 0)
    assert not scanner.complete


def test_openrouter_s_error_with_usage_keeps_both() -> None:
    stream = event({"content": ""}, finish="error", error={"code": 502}, usage={"cost": 0.1})
    reading = Reading([HELLO + stream + DONE])
    assert (reading.scanner.error, reading.scanner.usage) == (b'{"code": 502}', b'{"cost": 0.1}')
    assert reading.scanner.done
    assert not reading.scanner.complete


INVALID = [
    b"{",
    b"{}}",
    b"[]",
    b"1",
    b'"a"',
    b"nul",
    b'{"a":}',
    b'{"a" 1}',
    b'{"a":1,}',
    b"{'a':1}",
    b'{"a":01}',
    b'{"a":1.}',
    b'{"a":"\x01"}',
    b'{"a":"\\x"}',
    b'{"a":"\\u12g4"}',
    b'{"a":"\xff"}',
    b'{"a":NaN}',
    b'{"a":+1}',
    b'{"choices":{}}',
    b'{"choices":[1]}',
    b'{"choices":[{"delta":"x"}]}',
    b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}",
    b"<html>502</html>",
]


@pytest.mark.parametrize("data", INVALID, ids=lambda data: data[:20].decode(errors="replace"))
def test_an_invalid_event_stops_the_reading_and_is_not_forwarded(data: bytes) -> None:
    scanner = Scanner()
    chunk = scanner.feed(HELLO + b"data: " + data + b"\n\n" + END)
    assert chunk.data == HELLO
    assert chunk.invalid is not None
    assert chunk.invalid.startswith("event 4 is not valid JSON: ")
    after = scanner.feed(END)
    assert (after.data, after.invalid, scanner.complete) == (b"", None, False)
    assert Scanner(whole=True).feed(data).data == b""


@pytest.mark.parametrize(
    "body", [*INVALID, b"", b"{}", b'{"data":[]}'], ids=lambda body: body[:20].decode(errors="replace")
)
def test_a_body_that_is_no_completion_is_invalid(body: bytes) -> None:
    reading = Reading([body], whole=True)
    assert reading.data == b""
    assert reading.chunks[-1].invalid is not None
    assert reading.chunks[-1].invalid.startswith("the body is ")
    assert not reading.scanner.complete


@pytest.mark.parametrize(
    "cut", [b"data: {", b"dat", b'data: {"choices":[]', b"data: {}\ndata: {", b"event: err", b"data: [DO"]
)
def test_an_answer_that_ends_inside_an_event_is_truncated(cut: bytes) -> None:
    reading = Reading([HELLO + END + cut])
    assert reading.chunks[-1].truncated
    assert reading.data == HELLO + END
    assert not reading.scanner.complete


@pytest.mark.parametrize("rest", [b"", b"\n", b": keep-alive", b"data: [DONE]", b"data: [DONE]\n"])
def test_an_answer_that_ends_between_events_is_not(rest: bytes) -> None:
    reading = Reading([HELLO + END + rest])
    assert not reading.chunks[-1].truncated
    assert reading.scanner.complete


def test_an_event_of_five_megabytes_passes_and_one_over_the_bound_does_not() -> None:
    big = event({"content": "x" * 5_000_000})
    reads = [big[i : i + 65536] for i in range(0, len(big), 65536)]
    reading = Reading(reads)
    assert (reading.data, len(reading.scanner.text)) == (big, 5_000_000)
    for split in ([HELLO + big], [HELLO, *reads]):
        scanner = Scanner(max_event=1_000_000)
        chunks = [scanner.feed(read) for read in split]
        assert b"".join(chunk.data for chunk in chunks) == HELLO
        assert [chunk.invalid for chunk in chunks if chunk.invalid] == [
            "one event is larger than max_event = 1000000 bytes: raise max_event if the provider is right"
        ]


def test_nothing_can_be_fed_after_the_end() -> None:
    scanner = Scanner()
    scanner.end()
    with pytest.raises(SseError, match="has ended"):
        scanner.feed(b"")
    with pytest.raises(SseError, match="has ended"):
        scanner.end()
    with pytest.raises(TypeError):
        Scanner().feed("text")  # type: ignore[arg-type]


def test_a_lone_surrogate_is_replaced_not_refused() -> None:
    reading = Reading([b'data: {"choices":[{"delta":{"content":"a\\ud83d"}}]}\n\n'])
    assert reading.scanner.text == "a\ufffd"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"a":1,"usage":null}', b'{"a":1}'),
        (b'{"usage":null,"a":1}', b'{"a":1}'),
        (b'{"usage":null}', b"{}"),
        (b'{"a":1 , "usage" : {"b":[1]} , "c":2}', b'{"a":1  , "c":2}'),
        (b'{"usage":1,"usage":2,"a":3}', b'{"a":3}'),
        (b'{"a":1,"usage":1,"usage":2}', b'{"a":1}'),
        (b'{"a":{"usage":1}}', b'{"a":{"usage":1}}'),
        (b'{"a":"\\"usage\\":null"}', b'{"a":"\\"usage\\":null"}'),
        (b'{"choices":[],"usage":null}', b'{"choices":[]}'),
        (b'{"choices":[],"usage":{"a":1}}', None),
        (b'{"choices":[],"usage":{"a":1},"error":{}}', b'{"choices":[],"error":{}}'),
        (b'{"usage":null', b'{"usage":null'),
    ],
)
def test_without_usage_cuts_the_member_and_its_comma(before: bytes, after: bytes | None) -> None:
    want = b"" if after is None else b"data: " + after + b"\n\n"
    shown = without_usage(HELLO + b"data: " + before + b"\n\n" + END)
    assert shown == HELLO + want + END


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=int(os.environ.get("GATEWAY_EXAMPLES", "40")), deadline=None)
@given(JSON, st.text(), st.booleans(), st.lists(st.integers(0, 400), max_size=6))
def test_any_valid_event_passes_unchanged_at_any_split(
    extra: object, text: str, ascii_only: bool, cuts: list[int]
) -> None:
    payload = {"extra": extra, "choices": [{"delta": {"content": text, "other": extra}}], "more": extra}
    text_of = json.dumps(payload, ensure_ascii=ascii_only)
    stream = b"data: " + text_of.encode("utf-8", "surrogatepass") + b"\n\n"
    edges = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    reading = Reading(stream[a:b] for a, b in itertools.pairwise(edges))
    assert reading.data == stream
    assert reading.scanner.text == text


@settings(deadline=None)
@given(st.text(alphabet='{}[]",:\\u0123e.-+ntfalsr "', max_size=30))
def test_what_json_refuses_is_refused(text: str) -> None:
    try:
        valid = isinstance(json.loads('{"a":' + text + "}", parse_constant=lambda name: 1 / 0), dict)
    except (ValueError, ZeroDivisionError):
        valid = False
    chunk = Scanner().feed(b'data: {"a":' + text.encode() + b"}\n\n")
    assert (chunk.invalid is None) == valid


@needs_recordings
def test_the_splitter_reads_other_dialects() -> None:
    stream = (RECORDINGS / "anthropic/messages_stream_thinking_text.sse").read_bytes()
    want = [
        (event["type"], event)
        for event in (json.loads(line[5:]) for line in stream.splitlines() if line.startswith(b"data:"))
    ]
    events = Events()
    got = [found for i in range(len(stream)) for found in events.feed(stream[i : i + 1])]
    assert events.end() is None
    assert [(name, json.loads(data)) for name, data in got] == want
    gemini = (RECORDINGS / "gemini/stream_thinking.sse").read_bytes()
    assert len(Events().feed(gemini)) == 23
    assert all(name == "message" and json.loads(data) for name, data in Events().feed(gemini))


def test_the_splitter_joins_lines_and_ends_once() -> None:
    events = Events(max_event=100)
    assert events.feed(b": c\n\nevent: a\ndata: 1\ndata: 2\n\nevent: b\n\ndata:3") == [("a", b"1\n2")]
    assert events.end() == ("message", b"3")
    with pytest.raises(SseError, match="has ended"):
        events.feed(b"")
    with pytest.raises(SseError, match="max_event = 4"):
        Events(max_event=4).feed(b"data: 123")


PROPER = ["stop", "length", "tool_calls", "function_call", "model_length", "eos"]
IMPROPER = ["error", "abort", "SAFETY", "STOP", "insufficient_system_resource", "null", "stop ", "x" * 100_000]


def end_of(stream: bytes, *, whole: bool = False, n: int = 1) -> tuple[bool, bool, bool]:
    scanner = Scanner(whole=whole, n=n)
    scanner.feed(stream)
    scanner.end()
    return scanner.ended, scanner.complete, scanner.keepable


def body(*reasons: str | None) -> bytes:
    choices = [{"index": at, "message": {"content": "a"}, "finish_reason": reason} for at, reason in enumerate(reasons)]
    return json.dumps({"choices": choices}).encode()


@pytest.mark.parametrize("reason", PROPER)
def test_a_choice_that_the_model_ended_is_complete_and_keepable(reason: str) -> None:
    assert end_of(HELLO + event(finish=reason) + DONE) == (True, True, True)
    assert end_of(HELLO + event(finish=reason)) == (True, True, True)
    assert end_of(body(reason), whole=True) == (True, True, True)


@pytest.mark.parametrize("reason", IMPROPER, ids=lambda reason: reason[:30])
def test_any_other_finish_reason_is_a_failure_by_another_name(reason: str) -> None:
    assert end_of(HELLO + event(finish=reason) + DONE) == (True, False, False)
    assert end_of(HELLO + event(finish=reason) + event(finish="stop") + DONE) == (True, False, False)
    assert end_of(body(reason), whole=True) == (True, False, False)


def test_a_filtered_answer_is_complete_and_not_keepable() -> None:
    assert end_of(HELLO + event(finish="content_filter") + DONE) == (True, True, False)
    assert end_of(body("stop", "content_filter"), whole=True, n=2) == (True, True, False)


@pytest.mark.parametrize("stream", [HELLO + DONE, HELLO + event(finish="") + DONE, USAGE + DONE, DONE])
def test_done_without_a_finish_reason_is_an_end_and_no_complete_answer(stream: bytes) -> None:
    assert end_of(stream) == (True, False, False)


def test_one_of_two_choices_is_no_complete_answer() -> None:
    first = HELLO + event(finish="stop")
    assert end_of(first + event({"content": "b"}, index=1) + DONE, n=2) == (True, False, False)
    assert end_of(first + DONE, n=2) == (True, False, False)
    assert end_of(first + event(finish="stop", index=1) + DONE, n=2) == (True, True, True)
    assert end_of(first + event(finish="stop", index=1) + DONE) == (True, True, True)
    assert end_of(body("stop", None), whole=True, n=2) == (False, False, False)


@pytest.mark.parametrize("stream", [HELLO, b"", HELLO + END + b"data: {", HELLO + b"data: {}}\n\n"])
def test_what_breaks_off_has_not_ended(stream: bytes) -> None:
    assert end_of(stream) == (False, False, False)


@pytest.mark.parametrize("choices", [b"[]", b"null"])
def test_a_body_without_choices_has_ended_and_is_not_complete(choices: bytes) -> None:
    assert end_of(b'{"choices":' + choices + b"}", whole=True) == (True, False, False)


@pytest.mark.parametrize("index", ["-1", '"0"', "0.5", "1e400", "true", "[0]", "18446744073709551616"])
def test_an_index_that_names_no_choice_leaves_the_answer_incomplete(index: str) -> None:
    stream = b'data: {"choices":[{"index":%s,"delta":{},"finish_reason":"stop"}]}\n\n' % index.encode()
    assert end_of(stream + END + DONE) == (True, False, False)


def test_an_index_sizes_nothing() -> None:
    scanner = Scanner()
    call = {"index": 10_000_000, "function": {"name": "f", "arguments": "{}"}}
    scanner.feed(event({"tool_calls": [call]}, index=10_000_000) + event(finish="stop", index=10_000_000))
    assert (scanner.choices, scanner.finished, scanner.tools, scanner.keepable) == (1, 1, "f{}", True)


def test_more_choices_and_pieces_than_any_answer_has_are_not_followed() -> None:
    many = (
        b'data: {"choices":[' + b",".join(b'{"index":%d,"finish_reason":"stop"}' % i for i in range(70_000)) + b"]}\n\n"
    )
    scanner = Scanner()
    assert scanner.feed(many).invalid is None
    assert scanner.choices <= 1 << 16
    assert not scanner.complete
    names = b",".join([b'"name":"f"'] * 70_000)
    scanner = Scanner()
    scanner.feed(b'data: {"choices":[{"delta":{"tool_calls":[{"function":{' + names + b"}}]}}]}\n\n" + END)
    assert not scanner.complete


def test_the_transcript_is_bounded_and_what_it_leaves_out_is_measured() -> None:
    scanner = Scanner(max_text=10)
    for text in ("abcdef", "gh\u00e9xyz", "more"):
        scanner.feed(event({"content": text}))
    assert scanner.text == "abcdefgh"
    assert scanner.generated_size == len("abcdefghéxyzmore".encode())
    scanner.feed(END)
    assert scanner.keepable


ERRORS = {
    "message": {"message": "m" * 1_000_000, "type": "t", "param": None, "code": 429},
    "escapes": {"message": '"\\' * 500_000, "code": "c" * 9_000_000},
    "nested": {"message": "m", "code": {"x": "y" * 100_000}, "more": ["z" * 100_000]},
    "nothing": {"more": "z" * 100_000},
    "text": "no" * 100_000,
    "list": ["no"] * 100_000,
}


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_an_error_is_bounded(error: Any, whole: bool) -> None:
    raw = json.dumps({"error": error}).encode()
    reading = Reading([raw if whole else b"data: " + raw + b"\n\n"], whole=whole)
    told = reading.scanner.error
    assert told is not None
    assert len(told) <= 8192
    assert {chunk.error for chunk in reading.chunks} >= {told}
    said = json.loads(told)
    if isinstance(error, dict):
        for name, value in said.items():
            assert value == error[name] or str(error[name]).startswith(value)
    else:
        assert said == {} or str(error).startswith(said)


def test_a_short_error_is_passed_on_as_it_came() -> None:
    raw = b'{ "message": "no", "metadata": {"raw": [1]} }'
    assert Reading([b'data: {"error":' + raw + b"}\n\n"]).scanner.error == raw


def test_names_and_usage_are_bounded() -> None:
    scanner = Scanner()
    usage = {"prompt_tokens": 1, "note": "x" * 100_000}
    chunk = scanner.feed(event(finish="stop" * 1000, model="m" * 1_000_000, usage=usage))
    assert chunk.finish == scanner.finish == "stop" * 16
    assert scanner.model == "m" * 256
    assert chunk.usage is scanner.usage is None


def test_completions_are_read_as_chat_is() -> None:
    stream = b'data: {"choices":[{"text":"Hel"}]}\n\ndata: {"choices":[{"text":"lo","finish_reason":"stop"}]}\n\n'
    scanner = Scanner(kind="completions")
    scanner.feed(stream + DONE)
    assert (scanner.text, scanner.keepable) == ("Hello", True)
    whole = Reading([b'{"choices":[{"text":"Hello","finish_reason":"length"}]}'], whole=True, kind="completions")
    assert (whole.scanner.text, whole.scanner.keepable) == ("Hello", True)


EMBEDDINGS = b'{"object":"list","data":[{"embedding":[0.1],"index":0},{"embedding":"AAAA","index":1}],"model":"e",'
EMBEDDINGS += b'"usage":{"prompt_tokens":2,"total_tokens":2}}'


def test_embeddings_are_complete_with_their_data() -> None:
    reading = Reading([EMBEDDINGS[:20], EMBEDDINGS[20:]], whole=True, kind="embeddings", n=2)
    scanner = reading.scanner
    assert (reading.data, scanner.text, scanner.generated) == (EMBEDDINGS, "", "")
    assert (scanner.ended, scanner.complete, scanner.keepable) == (True, True, True)
    assert scanner.usage == b'{"prompt_tokens":2,"total_tokens":2}'
    assert scanner.model == "e"
    assert reading.chunks[-1].content


def test_fewer_embeddings_than_asked_for_are_not_complete() -> None:
    scanner = Reading([EMBEDDINGS], whole=True, kind="embeddings", n=3).scanner
    assert (scanner.ended, scanner.complete) == (True, False)
    assert not Reading([b'{"data":[]}'], whole=True, kind="embeddings").scanner.complete


@pytest.mark.parametrize("raw", [b"{}", b'{"data":null}', b'{"data":{}}', b'{"choices":[]}', b"[]", b'{"data":[1]'])
def test_what_has_no_list_of_data_is_no_embeddings(raw: bytes) -> None:
    reading = Reading([raw], whole=True, kind="embeddings")
    assert reading.chunks[-1].invalid is not None
    assert not reading.scanner.ended


def test_a_kind_is_one_of_three_and_embeddings_are_whole() -> None:
    with pytest.raises(ValueError, match="whole=True"):
        Scanner(kind="embeddings")
    with pytest.raises(ValueError, match="'chat', 'completions' or 'embeddings', not 'messages'"):
        Scanner(kind="messages")  # type: ignore[arg-type]


ONE, OTHER = b'"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop"}]', b'"choices":[]'
TWICE = {
    "choices": b"{" + ONE + b"," + OTHER + b"}",
    "choices in disguise": b"{" + ONE + b"," + OTHER.replace(b"ch", rb"\u0063h") + b"}",
    "message": b'{"choices":[{"message":{"content":"a"},"message":{"content":"b"},"finish_reason":"stop"}]}',
    "message in disguise": b'{"choices":[{"message":{"content":"a"},"mess\\u0061ge":{"content":"b"}}]}',
    "delta": b'{"choices":[{"delta":{"content":"a"},"delta":{"content":"b"}}]}',
    "text": b'{"choices":[{"text":"a","text":"b"}]}',
    "content": b'{"choices":[{"message":{"content":"a","content":"b"}}]}',
    "content in disguise": b'{"choices":[{"message":{"content":"a","\\u0063ontent":"b"}}]}',
}


@pytest.mark.parametrize("whole", [False, True], ids=["stream", "whole"])
@pytest.mark.parametrize("answer", TWICE.values(), ids=TWICE)
def test_what_is_said_twice_is_neither_counted_nor_passed_on(answer: bytes, whole: bool) -> None:
    scanner = Scanner(whole=whole)
    fed = scanner.feed(answer if whole else b"data: " + answer + b"\n\n")
    chunk = scanner.end() if whole else fed

    assert "twice" in (chunk.invalid or "") or "with escapes" in (chunk.invalid or "")
    assert (chunk.data, scanner.generated, scanner.complete) == (b"", "", False)


def test_embeddings_twice_are_refused() -> None:
    scanner = Scanner(whole=True, kind="embeddings")
    scanner.feed(b'{"data":[{"embedding":[1]}],"data":[]}')

    assert "twice" in (scanner.end().invalid or "")


def test_a_name_in_escapes_that_means_nothing_here_is_skipped() -> None:
    assert end_of(body("stop").replace(b'"message"', b'"\\u0062":1,"message"'), whole=True) == (True, True, True)
