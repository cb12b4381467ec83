"""What is known of a request: a kept answer, an identical call in flight, or neither."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from gateway.api.formats.chat import Chat
from gateway.cache.exact import Exact
from gateway.cache.flights import Flights
from gateway.cache.memo import Memo, Memory
from gateway.chat.answer import Answer, Source
from gateway.chat.call import Call
from gateway.chat.usage import Usage
from gateway.errors import UpstreamTimeout
from gateway.native import Canon
from tests.scripted import STREAM, whole

CANON = Canon(b"secret")
SOURCE = Source("one", "gpt", Usage(), 7)


async def nothing() -> bytes:
    return b""


class Asking:
    """Recalls one request after the other."""

    def __init__(self, *, enabled: bool = True, sampled: bool = True) -> None:
        self.flights = Flights(limit=1 << 20)
        self.exact = Exact(capacity=1 << 20, ttl=60.0, largest=1 << 20, clock=lambda: 0)
        self.memory = Memory(self.exact, self.flights, enabled=enabled, sampled=sampled)

    def __call__(self, *, tenant: str = "t", cache_control: str = "", hops: int = 0, **fields: object) -> Memo:
        body = orjson.dumps({"model": "gpt", "messages": [{"role": "user", "content": "Hi"}], **fields})
        reading = Chat().read(CANON, body)
        call = Call("id", "id", Chat(), "", cache_control, nothing, lambda body: reading, hops)
        return self.memory.recall(call, reading, tenant)


@pytest.fixture
def ask() -> Asking:
    return Asking()


def answer(*, stream: bool, transcript: bytes = b"") -> Answer:
    return Answer(transcript or (b"".join(STREAM[:4]) if stream else whole()), Chat(), SOURCE, stream=stream)


def test_nothing_is_known_of_what_nobody_asked(ask: Asking) -> None:
    memo = ask()
    assert (memo.answer, memo.flight, memo.status) == (None, None, "miss")


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("stream", [True, False])
def test_what_is_kept_is_known_in_either_shape(ask: Asking, kept: bool, stream: bool) -> None:
    ask(stream=kept).keep(answer(stream=kept))

    memo = ask(stream=stream)

    assert memo.status == "hit"
    assert memo.answer is not None
    assert b"Hello" in memo.answer.rendered(stream=stream)


def test_an_answer_that_cannot_be_told_in_this_shape_is_a_miss(ask: Asking) -> None:
    ask().keep(answer(stream=False, transcript=b'{"choices":[{"message":7}]}'))

    assert ask(stream=False).status == "hit"
    assert ask(stream=True).status == "miss"


@pytest.mark.parametrize(
    "other",
    [{"seed": 1}, {"tenant": "u"}, {"cache": {"namespace": "n"}}, {"temperature": 0.5}],
)
def test_another_request_is_not_this_one(ask: Asking, other: dict[str, object]) -> None:
    ask().keep(answer(stream=False))
    assert ask(**other).status == "miss"  # type: ignore[arg-type]


def test_the_parts_of_a_key_cannot_be_shifted_into_each_other(ask: Asking) -> None:
    ask(tenant="a", cache={"namespace": "b\n"}).keep(answer(stream=False))
    for tenant, namespace in (("a\nb", ""), ("ab\n", ""), ("", "ab\n"), ("a\n", "b"), ("a\nb\n", "")):
        assert ask(tenant=tenant, cache={"namespace": namespace}).status == "miss"


def test_a_flight_is_joined_by_who_asks_the_same(ask: Asking) -> None:
    flight = ask(stream=True).open()

    assert ask(stream=True).flight is flight
    assert (ask(stream=True).status, ask(stream=True, seed=1).status) == ("coalesced", "miss")
    flight.end()
    assert ask(stream=True).flight is None


def test_a_call_that_came_through_a_gateway_does_not_wait_for_what_may_be_itself(ask: Asking) -> None:
    flight = ask().open()

    memo = ask(hops=1)

    assert (memo.flight, memo.status) == (None, "miss")
    assert memo.open() is not flight


@pytest.mark.parametrize("cache_control", ["no-cache", "no-cache, no-store"])
def test_who_wants_no_cache_neither_finds_nor_lets_find(ask: Asking, cache_control: str) -> None:
    ask().keep(answer(stream=False))
    memo = ask(cache_control=cache_control)
    memo.open()

    assert (memo.status, memo.answer) == ("bypass", None)
    assert ask(seed=1, cache_control=cache_control).flight is None


def test_what_nobody_may_join_or_keep_has_no_transcript(ask: Asking) -> None:
    for cache_control, intact in (("", True), ("no-cache", True), ("no-store", True), ("no-cache, no-store", False)):
        assert ask(cache_control=cache_control).open().intact == intact


@pytest.mark.parametrize("temperature", [None, 0.7, 0])
def test_answers_to_sampled_calls_may_be_left_out(temperature: float | None) -> None:
    ask = Asking(sampled=False)
    assert ask(temperature=temperature).status == ("miss" if temperature == 0 else "bypass")


def test_off_is_off() -> None:
    ask = Asking(enabled=False)
    memo = ask()
    memo.open()
    memo.keep(answer(stream=False))

    assert ask().status == "bypass"
    assert len(ask.exact) == 0


async def test_a_flight_in_the_other_shape_is_waited_for(ask: Asking) -> None:
    flight = ask(stream=True).open()
    memo = ask(stream=False)
    waiting = asyncio.create_task(memo.reshaped())
    await asyncio.sleep(0)
    flight.feed(b"".join(STREAM[:4]), True)
    flight.answer = answer(stream=True)
    flight.end()

    found = await waiting

    assert found is flight.answer
    assert found.source is SOURCE
    assert memo.status == "coalesced"


async def test_a_flight_in_this_shape_is_not_waited_for(ask: Asking) -> None:
    ask(stream=True).open()
    assert await asyncio.wait_for(ask(stream=True).reshaped(), 1) is None


async def test_what_fails_in_the_other_shape_fails_in_this_one(ask: Asking) -> None:
    flight = ask(stream=True).open()
    waiting = asyncio.create_task(ask(stream=False).reshaped())
    await asyncio.sleep(0)
    flight.fail(UpstreamTimeout("late"))

    with pytest.raises(UpstreamTimeout, match="late"):
        await waiting


@pytest.mark.parametrize("transcript", [b"", b"data: {\n\n"])
async def test_an_answer_in_the_other_shape_that_is_no_use_makes_it_a_miss(ask: Asking, transcript: bytes) -> None:
    flight = ask(stream=True).open()
    memo = ask(stream=False)
    waiting = asyncio.create_task(memo.reshaped())
    await asyncio.sleep(0)
    flight.answer = answer(stream=True, transcript=transcript) if transcript else None
    flight.end()

    assert await waiting is None
    assert (memo.flight, memo.status) == (None, "miss")
