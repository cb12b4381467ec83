"""Recorded answers, replayed byte for byte: the SDK reads out of the gateway what it read out of the provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, cast

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionChunk

from gateway.errors import GatewayError, UpstreamRefused
from gateway.native import Scanner
from gateway.providers.base import Provider
from gateway.providers.openai import Verbatim
from gateway.providers.table import OPENAI
from gateway.upstream.relay import refusal, relay
from tests.end_to_end import reading
from tests.end_to_end.gateway import Gateway
from tests.end_to_end.recordings import Recording, present, recorded
from tests.end_to_end.upstream import Upstream

RECORDED = recorded()
ANSWERS = [one for one in RECORDED if "error" not in one.expected]
ERRORS = [one for one in RECORDED if "error" in one.expected]
PROVIDER = Provider("recorded", "http://recorded", OPENAI)

pytestmark = present
answers = pytest.mark.parametrize("recording", ANSWERS, ids=str)


def named(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("recording", [one for one in RECORDED if str(one) in names], ids=str)


@pytest.fixture
def upstream(shared_upstream: Upstream) -> Upstream:
    return shared_upstream.reset()


@pytest.fixture
def sdk(shared_gateway: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{shared_gateway.url}/v1", api_key="anything", max_retries=0) as client:
        yield client


def ask(sdk: OpenAI, question: str, *, stream: bool) -> dict[str, Any]:
    """What the SDK reads, usage included."""
    create = sdk.chat.completions.create
    messages: Any = [{"role": "user", "content": question}]
    if not stream:
        return reading.whole(create(model="gpt-4o-mini", messages=messages))
    options: Any = {"include_usage": True}
    return reading.streamed(create(model="gpt-4o-mini", messages=messages, stream=True, stream_options=options))


def test_the_providers_are_all_there() -> None:
    assert {one.path.parent.name for one in ANSWERS} >= {"openai", "azure", "deepseek", "xai", "mistral", "gemini"}
    assert {one.path.parent.name for one in ERRORS} >= {"openai", "deepseek", "groq", "openrouter"}


# Through the gateway


@answers
def test_an_answer_comes_out_as_it_went_in_and_from_the_cache_in_both_shapes(
    sdk: OpenAI, upstream: Upstream, recording: Recording
) -> None:
    upstream.answer = recording.answer
    shapes_asked = [recording.streamed, recording.streamed, not recording.streamed]
    heard = [ask(sdk, str(recording), stream=stream) for stream in shapes_asked]
    assert heard == [recording.heard()] * 3
    assert len(upstream.calls) == 1


@pytest.mark.parametrize("recording", [one for one in ERRORS if not one.streamed], ids=str)
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_comes_out_as_it_went_in(sdk: OpenAI, upstream: Upstream, recording: Recording, stream: bool) -> None:
    upstream.answer = recording.answer
    for _ in range(2):
        with pytest.raises(openai.APIStatusError) as caught:
            ask(sdk, str(recording), stream=stream)
        expected = recording.expected["error"]
        assert type(caught.value).__name__ == expected["sdk_class"]
        assert caught.value.status_code == expected["status"]
        assert caught.value.code == expected["code"]
        assert caught.value.param == expected["param"]
        assert caught.value.body["message"] == expected["message"].partition(" - ")[2]  # type: ignore[index]
    assert len(upstream.calls) == 2


@named("groq/stream_midstream_error_event")
def test_an_error_in_mid_stream_is_heard_after_what_came_before_it(
    sdk: OpenAI, upstream: Upstream, recording: Recording
) -> None:
    upstream.answer = recording.answer
    messages: Any = [{"role": "user", "content": str(recording)}]
    for _ in range(2):
        chunks: list[ChatCompletionChunk] = []
        stream = sdk.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True)
        with pytest.raises(openai.APIError) as caught:
            chunks.extend(stream)
        assert reading.streamed(chunks)["choices"] == recording.heard()["choices"]
        assert caught.value.message == recording.expected["error"]["message"]
        assert caught.value.code == "tool_use_failed"
    assert len(upstream.calls) == 2


# The same code path without sockets, so that every split can be tried


@dataclass
class Reads:
    """An exchange whose network reads are given."""

    reads: Iterator[bytes]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    waited_us: int = 0

    async def __aenter__(self) -> Reads:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def read(self) -> bytes:
        return next(self.reads, b"")


@dataclass
class Heard:
    """A flight that keeps what it is fed."""

    waited_us: int = 0
    fed: list[bytes] = field(default_factory=list)

    def feed(self, data: bytes, content: bool) -> None:
        self.fed.append(data)

    async def room(self) -> None:
        return None


async def relayed(sent: bytes, *cuts: int, whole: bool) -> tuple[bytes, Scanner, GatewayError | None]:
    """What a flight gets of an answer that arrives cut at these places, what was read in it and how it failed."""
    ends = [*cuts, len(sent)]
    pieces = (sent[start:end] for start, end in zip([0, *cuts], ends, strict=True) if start < end)
    scanner, sink, failed = Scanner(whole=whole), Heard(), None
    try:
        await relay(Reads(pieces), PROVIDER, cast(Any, Verbatim()), scanner, sink)
    except GatewayError as error:
        failed = error
    return b"".join(sink.fed), scanner, failed


def told(fed: bytes, scanner: Scanner, failed: GatewayError | None) -> tuple[object, ...]:
    error = None if failed is None else (type(failed), failed.fields())
    return fed, scanner.text, scanner.reasoning, scanner.tools, scanner.finish, scanner.usage, scanner.complete, error


@pytest.mark.parametrize("recording", [one for one in RECORDED if one.status == 200], ids=str)
async def test_cut_at_every_byte_it_is_the_same(recording: Recording) -> None:
    sent, whole = recording.decoded, not recording.streamed
    uncut = told(*await relayed(sent, whole=whole))
    # A long recording is cut at about 1,500 places, and at every byte around the ends of its events.
    stride = 1 if len(sent) <= 6_000 else 1 + len(sent) // 1_500
    framing = {at + offset for at in _places(sent, b"\n\n") for offset in range(-2, 9)}
    for cut in sorted({*range(1, len(sent), stride), *framing}):
        assert told(*await relayed(sent, cut, whole=whole)) == uncut, cut
    assert told(*await relayed(sent, *range(1, len(sent)), whole=whole)) == uncut


@answers
async def test_what_is_relayed_and_counted_is_what_was_recorded(recording: Recording) -> None:
    _, scanner, failed = await relayed(recording.decoded, whole=not recording.streamed)
    heard = recording.heard()
    assert failed is None
    assert scanner.complete
    assert scanner.text == "".join(choice["text"] + choice["refusal"] for choice in heard["choices"])
    assert scanner.reasoning == "".join(choice["reasoning"] for choice in heard["choices"])
    assert scanner.finish == heard["choices"][-1]["finish_reason"]
    assert scanner.choices == scanner.finished == len(heard["choices"])
    assert json.loads(scanner.usage or b"{}")["total_tokens"] == heard["usage"]["total_tokens"]


@pytest.mark.parametrize("recording", [one for one in ERRORS if not one.streamed], ids=str)
async def test_an_error_body_in_any_pieces_is_the_same_error(recording: Recording) -> None:
    sent = recording.sent
    for cut in range(1, len(sent)):
        failed = await refusal(cast(Any, Reads(iter([sent[:cut], sent[cut:]]), recording.status)), PROVIDER)
        assert isinstance(failed, UpstreamRefused)
        assert failed.status == recording.status
        assert failed.code == recording.expected["error"]["code"]
        assert failed.message == recording.expected["error"]["message"].partition(" - ")[2]


def _places(text: bytes, what: bytes) -> Iterator[int]:
    at = text.find(what)
    while at >= 0:
        yield at
        at = text.find(what, at + 1)
