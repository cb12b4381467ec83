"""One JSON body in answer to a request for a stream."""

from __future__ import annotations

import json

import orjson
import pytest

from gateway.chat.shapes import CHAT
from gateway.errors import UpstreamError, UpstreamInterrupted, UpstreamInvalid, UpstreamRefused
from gateway.native import Scanner
from gateway.providers.openai import Verbatim
from gateway.upstream.relay import relay
from gateway.upstream.unstreamed import LARGEST, Unstreamed
from tests.upstream.test_relay import ACME, DONE, HELLO, STOP, Exchange, Sink

USAGE = {"prompt_tokens": 1, "completion_tokens": 2}
WHOLE = {
    "id": "c",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": USAGE,
}


async def told(*reads: bytes) -> tuple[Scanner, bytes]:
    """The scanner of an answer, and what was passed on of it; raises what it amounts to."""
    scanner, sink = Scanner(), Sink()
    await relay(Exchange(*reads), ACME, Unstreamed(Verbatim(), CHAT.replay), scanner, sink)
    return scanner, sink.data


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("step", [1, 7, 10_000])
async def test_a_whole_answer_is_told_as_a_stream(indent: int | None, step: int) -> None:
    body = b"\n " + json.dumps(WHOLE, indent=indent).encode()

    scanner, events = await told(*(body[start : start + step] for start in range(0, len(body), step)))

    assert (scanner.text, scanner.finish, orjson.loads(scanner.usage or b"")) == ("hello", "stop", USAGE)
    assert scanner.complete
    assert events == CHAT.replay(body)


@pytest.mark.parametrize("step", [1, 10_000])
async def test_a_stream_is_left_as_it_is(step: int) -> None:
    stream = b"\n: {\n\n" + HELLO + STOP + DONE

    scanner, events = await told(*(stream[start : start + step] for start in range(0, len(stream), step)))

    assert scanner.complete
    assert events.endswith(HELLO + STOP)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "no room", "code": "full"}},
        {"error": {"message": "no room", "code": "full"}, "choices": [], "usage": USAGE},
        {"error": {"message": "no room", "code": "full"}, "choices": WHOLE["choices"]},
        {"object": "error", "message": "no room", "code": "full"},
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
async def test_an_error_is_the_provider_s(body: dict[str, object], indent: int | None) -> None:
    with pytest.raises(UpstreamRefused) as caught:
        await told(json.dumps(body, indent=indent).encode())

    assert (caught.value.status, caught.value.message, caught.value.code) == (502, "no room", "full")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", UpstreamInterrupted),
        (b'{"choices":[]}', UpstreamInterrupted),
        (b'{"choices":[{"ind', UpstreamInvalid),
        (b'{"choices":\n"many"}', UpstreamInvalid),
        (b" \n ", UpstreamInterrupted),
        (b'{"choices":[{"message":"' + b"x" * LARGEST + b'"}]}', UpstreamInterrupted),
        (b'{"choices":[{"message":"' + b"x" * (17 << 20), UpstreamInvalid),
    ],
    ids=lambda value: value[:30] if isinstance(value, bytes) else "",
)
async def test_what_is_neither_is_refused(body: bytes, kind: type[UpstreamError]) -> None:
    with pytest.raises(kind):
        await told(body[:LARGEST], body[LARGEST:])
