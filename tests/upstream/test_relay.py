"""What an answer comes to: passed on read by read, or an error of the right kind."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from gateway.errors import UpstreamError, UpstreamInterrupted, UpstreamInvalid, UpstreamRefused
from gateway.native import Scanner
from gateway.providers.base import Provider
from gateway.providers.openai import Verbatim
from gateway.providers.table import OPENAI
from gateway.upstream import relay as relays
from gateway.upstream.relay import refusal, relay

SECRET = "sk-upstream-secret"
ACME = Provider("acme", "http://acme.test/v1", OPENAI, api_key=SECRET)


class Exchange:
    """An answer of which each read is a step: bytes, or an error to raise; `None` never comes."""

    def __init__(self, *steps: bytes | UpstreamError | None, status: int = 200, **headers: str) -> None:
        self.status, self.headers = status, {name.replace("_", "-"): value for name, value in headers.items()}
        self._steps = iter(steps)
        self.reads = 0

    @property
    def waited_us(self) -> int:
        return self.reads * 1000

    async def __aenter__(self) -> Exchange:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def read(self) -> bytes:
        self.reads += 1
        step = next(self._steps, b"")
        if step is None:
            await asyncio.sleep(3600)
        if isinstance(step, UpstreamError):
            raise step
        return step or b""


class Sink:
    def __init__(self) -> None:
        self.waited_us = 0
        self.fed: list[tuple[bytes, bool]] = []
        self.rooms = 0

    def feed(self, data: bytes, content: bool) -> None:
        self.fed.append((data, content))

    async def room(self) -> None:
        self.rooms += 1

    @property
    def data(self) -> bytes:
        return b"".join(data for data, _ in self.fed)


def event(delta: dict[str, str], finish: str | None = None) -> bytes:
    return b"data: " + orjson.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}) + b"\n\n"


ROLE, HELLO, STOP, DONE = (
    event({"role": "assistant"}),
    event({"content": "hello"}),
    event({}, "stop"),
    b"data: [DONE]\n\n",
)


async def relayed(exchange: Exchange, *, whole: bool = False) -> Sink:
    sink = Sink()
    await relay(exchange, ACME, Verbatim(), Scanner(whole=whole), sink)
    return sink


async def test_each_read_is_passed_on_once_there_is_room_for_it() -> None:
    sink = await relayed(Exchange(ROLE, HELLO, STOP, DONE))

    assert sink.data == ROLE + HELLO + STOP
    assert [content for _, content in sink.fed[:3]] == [False, True, False]
    assert sink.rooms == 4


async def test_nothing_is_read_after_the_end_of_a_stream() -> None:
    exchange = Exchange(HELLO + STOP + DONE, None)

    await asyncio.wait_for(relayed(exchange), 5)
    assert exchange.reads == 1


async def test_the_wait_is_the_one_for_the_first_content() -> None:
    assert (await relayed(Exchange(ROLE, HELLO, STOP, DONE))).waited_us == 2000
    body = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}'
    assert (await relayed(Exchange(body[:9], body[9:]), whole=True)).waited_us == 2000


@pytest.mark.parametrize(
    ("steps", "kind", "says"),
    [
        ((HELLO,), UpstreamInterrupted, "before it was complete"),
        ((HELLO, STOP[:-9]), UpstreamInterrupted, "in the middle of an event"),
        ((HELLO, b"data: {nonsense\n\n"), UpstreamInvalid, "not valid"),
        ((HELLO, b"data: " + bytes(17 << 20)), UpstreamInvalid, "one event is larger"),
        ((HELLO, UpstreamInterrupted("acme broke off.")), UpstreamInterrupted, "acme broke off"),
    ],
)
async def test_what_breaks_off_or_goes_wrong(
    steps: tuple[bytes | UpstreamError, ...], kind: type[UpstreamError], says: str
) -> None:
    with pytest.raises(kind, match=f"acme.*{says}|{says}"):
        await relayed(Exchange(*steps))


async def test_a_finished_stream_needs_no_done() -> None:
    assert (await relayed(Exchange(HELLO, STOP))).data == HELLO + STOP


def failed(**error: object) -> bytes:
    return b"data: " + orjson.dumps({"error": error}) + b"\n\n"


async def test_an_error_in_mid_stream_is_bounded_typed_and_without_the_key() -> None:
    said = failed(message=f"bad {SECRET} " * 500, type=f"t {SECRET}" * 99, param=[SECRET], code=429)
    with pytest.raises(UpstreamRefused) as caught:
        await relayed(Exchange(HELLO, said))

    error = caught.value
    assert (error.status, error.code, error.param) == (502, "429", None)
    assert len(error.message) <= 2000
    assert len(error.type) == 64
    assert SECRET[:8] not in orjson.dumps(error.fields()).decode()


async def test_an_error_code_of_nine_megabytes_is_cut() -> None:
    with pytest.raises(UpstreamRefused) as caught:
        await relayed(Exchange(HELLO, failed(message="no", code="x" * 9_000_000)))

    assert (caught.value.message, caught.value.code) == ("no", "x" * 63 + "…")


async def test_a_refusal_says_what_the_provider_said() -> None:
    error = await refusal(Exchange(b'{"error":{"mess', b'age":"no"}}', status=400), ACME)

    assert (error.status, error.message) == (400, "no")


@pytest.mark.parametrize("broken", [UpstreamInterrupted("acme broke off."), None], ids=["cut", "hangs"])
async def test_a_refusal_stands_though_its_words_do_not_come(
    broken: UpstreamError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "WORDS_SECONDS", 0.05)

    error = await asyncio.wait_for(refusal(Exchange(b'{"error"', broken, status=429, retry_after="7"), ACME), 5)

    assert (error.status, error.headers) == (429, {"retry-after": "7"})


async def test_no_more_of_a_refusal_is_read_than_is_of_use() -> None:
    exchange = Exchange(*[bytes(1 << 14)] * 1000, status=500)

    assert (await refusal(exchange, ACME)).message == "acme failed (status 500)."
    assert exchange.reads <= 5
