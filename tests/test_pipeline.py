"""Every way a call can go, in the order of the page: `gateway/pipeline.py` over a scripted provider."""

from __future__ import annotations

import asyncio
import gc
import threading
from contextlib import suppress
from typing import Any

import orjson
import pytest

from gateway.chat.answer import Answer
from gateway.chat.usage import Usage
from gateway.errors import (
    AuthenticationFailed,
    GatewayError,
    InvalidRequest,
    LedgerFull,
    ModelNotFound,
    PermissionRefused,
    RateLimited,
    ShuttingDown,
    Untranslatable,
    UpstreamInterrupted,
)
from gateway.ledger.entry import Entry
from gateway.ledger.settle import count
from gateway.policy.keys import Key, digest
from tests.scripted import COST, ROLE, SECRET, STREAM, Route, Script, delta, event, turns, whole

PAID = {"outcome": "ok", "status": 200, "cost_pico": COST, "cost_source": "catalogue", "attempts": 1, "partial": False}
FREE = {"outcome": "ok", "status": 200, "cost_pico": 0, "cost_source": "none", "attempts": 0}


USAGE_ONLY = {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}


def untellable(patch: pytest.MonkeyPatch) -> None:
    """No answer can be told in the other shape."""
    told = Answer.rendered

    def only_as_it_came(self: Answer, *, stream: bool) -> bytes:
        if (self._events if stream else self._body) is None:
            raise Untranslatable
        return told(self, stream=stream)

    patch.setattr(Answer, "rendered", only_as_it_came)


def shown(entry: Entry) -> dict[str, object]:
    return {name: getattr(entry.row, name) for name in PAID}


def says(route: Route, **fields: object) -> bool:
    """Whether the only row says so."""
    return {name: getattr(route.row, name) for name in fields} == fields


# A call that cannot be accounted for is not taken.


async def test_without_room_in_the_ledger_a_call_is_refused_a_hit_too() -> None:
    route = Route(Script(whole()))
    await route.ask()
    route.book.full = True

    with pytest.raises(LedgerFull) as refused:
        await route.ask()

    assert (refused.value.status, refused.value.code) == (503, "ledger_full")
    assert len(route.rows) == 1


# Who is it? What does it ask for? May it?


async def test_a_stranger_is_refused_before_its_body_is_read() -> None:
    route = Route()

    def nobody(credential: str) -> Key:
        raise AuthenticationFailed

    route.keys.authenticate = nobody  # type: ignore[method-assign]
    with pytest.raises(AuthenticationFailed):
        await route.ask()

    assert says(route, outcome="refused", status=401, error="invalid_api_key", key_id="", model="")


async def test_a_body_that_cannot_be_read_is_the_callers_doing() -> None:
    route = Route()

    with pytest.raises(InvalidRequest):
        await route.ask(messages="Hi")

    assert says(route, outcome="refused", status=400, key_id="k", model="", attempts=0)


async def test_a_model_that_the_key_may_not_use_is_refused() -> None:
    route = Route(key=Key("k", digest(SECRET), models=("other/*",)))

    with pytest.raises(PermissionRefused):
        await route.ask()

    assert says(route, outcome="refused", status=403, error="model_not_allowed", model="gpt")


async def test_a_call_beyond_a_limit_is_refused_and_a_hit_counts_as_one() -> None:
    route = Route(Script(whole()), key=Key("k", digest(SECRET), requests_per_minute=2))
    await route.ask()
    _, entry = route.chunks()
    assert await route.ask() == [whole()]

    with pytest.raises(RateLimited, match="for this key: 2 requests per minute"):
        await route.ask()

    assert [row.outcome for row in route.rows] == ["ok", "ok", "refused"]
    assert entry.quota is None


async def test_the_place_of_a_call_is_free_again_however_it_ends() -> None:
    scripts = Script(UpstreamInterrupted()), Script(*STREAM), Script(whole())
    route = Route(*scripts, key=Key("k", digest(SECRET), concurrency=1))
    with pytest.raises(UpstreamInterrupted):
        await route.ask()
    chunks, _ = route.chunks(stream=True)
    await anext(chunks)
    with pytest.raises(RateLimited, match="Concurrency limit of 1"):
        await route.ask()
    await chunks.aclose()

    assert await route.ask(seed=1) == [whole()]


# A kept answer.


async def test_the_second_time_the_answer_is_kept_and_free() -> None:
    route = Route(Script(whole()))

    assert await route.ask() == await route.ask() == [whole()]

    first, second = route.rows
    assert len(route.transport.sent) == 1
    assert (first.cache, second.cache) == ("miss", "hit")
    assert {name: getattr(first, name) for name in PAID} == PAID
    assert {name: getattr(second, name) for name in FREE} == FREE
    assert (second.saved_pico, second.saved_by, second.provider, second.target) == (COST, "exact", "one", "gpt")


async def test_a_kept_answer_is_told_in_the_other_shape() -> None:
    route = Route(Script(whole()), Script(*STREAM))
    await route.ask()
    (events,) = await route.ask(stream=True)
    assert b'"content":"Hello"' in events

    await route.ask(stream=True, seed=1)
    (body,) = await route.ask(seed=1)

    assert orjson.loads(body)["choices"][0]["message"]["content"] == "Hello"
    assert [row.cache for row in route.rows] == ["miss", "hit", "miss", "hit"]


async def test_usage_in_a_stream_is_for_those_who_asked_for_it() -> None:
    route = Route(Script(*STREAM))

    live = await route.ask(stream=True)
    kept = await route.ask(stream=True)
    asked = await route.ask(stream=True, stream_options={"include_usage": True})

    assert b'"usage"' not in b"".join(live)
    assert b'"usage"' not in b"".join(kept)
    assert b'"prompt_tokens":10' in b"".join(asked)


async def test_a_kept_answer_that_cannot_be_told_in_the_other_shape_is_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    untellable(monkeypatch)
    route = Route(Script(whole()), Script(*STREAM))
    await route.ask()

    assert b"Hello" in b"".join(await route.ask(stream=True))

    assert [row.cache for row in route.rows] == ["miss", "miss"]
    assert [row.outcome for row in route.rows] == ["ok", "ok"]


async def test_an_answer_of_nothing_but_usage_is_nothing_to_who_did_not_ask_for_usage() -> None:
    route = Route(Script(event(choices=[], usage=USAGE_ONLY), b"data: [DONE]\n\n"))

    assert await route.ask(stream=True) == []


async def test_a_caller_who_wants_no_cache_is_asked_for_and_kept_for_others() -> None:
    route = Route(Script(whole("old")), Script(whole("new")))
    await route.ask()

    assert await route.ask(cache_control="no-cache") == [whole("new")]
    assert await route.ask() == [whole("new")]

    assert [row.cache for row in route.rows] == ["miss", "bypass", "hit"]


async def test_what_a_caller_wants_unstored_is_not_stored() -> None:
    route = Route(Script(whole()), Script(whole()))
    await route.ask(cache_control="no-store")
    await route.ask()

    assert [row.cache for row in route.rows] == ["miss", "miss"]


async def test_terms_that_make_no_sense_are_refused() -> None:
    route = Route()
    with pytest.raises(InvalidRequest, match="Unknown cache directive 'x'"):
        await route.ask(cache={"x": 1})


async def test_tenants_and_namespaces_share_no_answers() -> None:
    """The parts of a key have lengths: `a` with namespace `b` is not `ab` with none, whatever stands between them."""
    route = Route(*(Script(whole(str(number))) for number in range(4)))
    route.keys.keys[SECRET] = Key("k", digest(SECRET), tenant="a")
    await route.ask(cache={"namespace": "b\n"})
    route.keys.keys[SECRET] = Key("k", digest(SECRET), tenant="a\nb")
    await route.ask()
    route.keys.keys[SECRET] = Key("k", digest(SECRET), tenant="ab")
    await route.ask()
    await route.ask(cache={"namespace": "b"})

    assert [row.cache for row in route.rows] == ["miss"] * 4


# An identical call in flight.


async def test_identical_calls_share_one_upstream_call_and_its_payer_pays() -> None:
    gate = asyncio.Event()
    route = Route(Script(*STREAM[:2], gate, *STREAM[2:]))
    calls = [asyncio.create_task(route.ask(stream=True)) for _ in range(3)]
    await turns()
    gate.set()

    answers = [b"".join(chunks) for chunks in await asyncio.gather(*calls)]

    assert len(set(answers)) == 1
    assert len(route.transport.sent) == 1
    by_cache = {cache: [row for row in route.rows if row.cache == cache] for cache in ("miss", "coalesced")}
    assert [row.cost_pico for row in by_cache["miss"]] == [COST]
    assert [(row.cost_pico, row.saved_pico, row.saved_by) for row in by_cache["coalesced"]] == [
        (0, COST, "coalesced")
    ] * 2


@pytest.mark.parametrize("leader", [True, False])
async def test_a_call_shares_a_flight_of_the_other_shape(leader: bool) -> None:
    gate = asyncio.Event()
    route = Route(Script(*STREAM[:2], gate, *STREAM[2:]) if leader else Script(gate, whole()))
    first = asyncio.create_task(route.ask(stream=leader))
    await turns()
    second = asyncio.create_task(route.ask(stream=not leader))
    await turns()
    gate.set()

    assert b"Hello" in b"".join(await first)
    assert b"Hello" in b"".join(await second)

    assert len(route.transport.sent) == 1
    assert sorted(row.cache for row in route.rows) == ["coalesced", "miss"]


async def test_a_shared_answer_that_cannot_be_told_in_this_shape_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    untellable(monkeypatch)
    gate = asyncio.Event()
    route = Route(Script(*STREAM[:2], gate, *STREAM[2:]), Script(whole()))
    first = asyncio.create_task(route.ask(stream=True))
    await turns()
    others = [asyncio.create_task(route.ask()) for _ in range(3)]
    await turns()
    gate.set()
    await first

    assert await asyncio.gather(*others) == [[whole()]] * 3

    assert len(route.transport.sent) == 2, "the others share one of their own"
    assert sorted(row.cache for row in route.rows) == ["coalesced", "coalesced", "miss", "miss"]


async def test_followers_are_told_of_the_failure_that_they_share() -> None:
    gate = asyncio.Event()
    route = Route(Script(gate, UpstreamInterrupted("cut")))
    calls = [asyncio.create_task(route.ask(stream=stream)) for stream in (True, True, False)]
    await turns()
    gate.set()

    failures = await asyncio.gather(*calls, return_exceptions=True)

    assert [str(failure) for failure in failures] == ["cut"] * 3
    assert [row.outcome for row in route.rows] == ["failed"] * 3


async def test_who_wants_no_cache_shares_nothing() -> None:
    gate = asyncio.Event()
    route = Route(Script(gate, whole("a")), Script(gate, whole("b")))
    calls = [asyncio.create_task(route.ask(cache_control="no-cache")) for _ in range(2)]
    await turns()
    gate.set()

    assert await asyncio.gather(*calls) == [[whole("a")], [whole("b")]]


async def test_a_cache_that_is_off_keeps_and_shares_nothing() -> None:
    gate = asyncio.Event()
    route = Route(*(Script(gate, whole()) for _ in range(3)), enabled=False)
    calls = [asyncio.create_task(route.ask()) for _ in range(2)]
    await turns()
    assert len(route.transport.sent) == 2
    gate.set()
    await asyncio.gather(*calls)
    await route.ask()

    assert [row.cache for row in route.rows] == ["bypass"] * 3
    assert len(route.exact) == 0


# A call that is sent.


async def test_a_model_that_nobody_serves_is_not_found() -> None:
    route = Route()

    def nowhere(model: str) -> object:
        raise ModelNotFound

    route.pipeline.router.plan = nowhere  # type: ignore[assignment, method-assign]
    with pytest.raises(ModelNotFound):
        await route.ask()

    assert says(route, outcome="refused", status=404, attempts=0)


async def test_a_stream_is_passed_on_as_it_comes() -> None:
    gates = [asyncio.Event(), asyncio.Event()]
    route = Route(Script(ROLE, delta("Hel"), gates[0], delta("lo"), gates[1], *STREAM[2:]))
    chunks, entry = route.chunks(stream=True)

    assert await anext(chunks) == ROLE
    assert await anext(chunks) == delta("Hel")
    gates[0].set()
    assert await anext(chunks) == delta("lo")
    assert route.rows == []
    gates[1].set()
    rest = [chunk async for chunk in chunks]

    assert rest == [delta(finish="stop")]
    assert shown(entry) == PAID


async def test_a_whole_answer_is_a_stream_of_one_chunk() -> None:
    answer = whole()
    route = Route(Script(answer[:10], answer[10:40], answer[40:]))

    assert await route.ask() == [answer]
    assert says(route, **PAID, stream=False)


async def test_an_entry_is_journaled_before_it_is_sent_and_closed_before_the_client_sees_the_end() -> None:
    route = Route(Script(*STREAM))
    chunks, _ = route.chunks(stream=True)
    got = await anext(chunks)
    assert [kind for kind, _ in route.book.journal] == ["opened"]
    (_, opened) = route.book.journal[0]
    assert (opened.outcome, opened.attempts, opened.cost_source) == ("interrupted", 1, "estimated")
    assert opened.cost_pico is not None
    assert opened.cost_pico > COST

    async for chunk in chunks:
        got += chunk

    assert [kind for kind, _ in route.book.journal] == ["opened", "closed"]


async def test_an_answer_that_ends_without_a_proper_finish_is_partial_and_not_kept() -> None:
    for ending in ([b"data: [DONE]\n\n"],):
        route = Route(*(Script(ROLE, delta("Hello"), *ending) for _ in range(2)))
        first = await route.ask(stream=True)
        await route.ask(stream=True)

        assert b"Hello" in b"".join(first)
        assert [(row.cache, row.outcome, row.partial) for row in route.rows] == [("miss", "partial", True)] * 2


async def test_a_filtered_answer_is_not_kept() -> None:
    answers = [ROLE, delta("Hello"), delta(finish="content_filter"), b"data: [DONE]\n\n"]
    route = Route(Script(*answers), Script(*answers))
    await route.ask(stream=True)
    await route.ask(stream=True)

    assert [(row.cache, row.outcome) for row in route.rows] == [("miss", "ok")] * 2


async def test_an_answer_that_is_too_long_is_passed_on_and_not_kept() -> None:
    long = [ROLE, *(delta("x" * 1000) for _ in range(10)), *STREAM[2:]]
    route = Route(Script(*long), Script(*long), limit=4000)

    assert b"".join(await route.ask(stream=True)).count(b"xxx") > 0
    await route.ask(stream=True)

    assert [row.cache for row in route.rows] == ["miss", "miss"]


async def test_a_call_without_a_known_price_has_an_unknown_cost() -> None:
    route = Route(Script(whole()))
    await route.ask(model="unknown")

    assert says(route, cost_pico=None, cost_source="unknown", input_tokens=10, output_tokens=5)


async def test_a_call_without_usage_is_counted() -> None:
    route = Route(Script(whole(usage=None)))
    await route.ask()

    assert says(route, cost_source="estimated", output_tokens=1)
    assert route.row.input_tokens > 0


# A client that hangs up.


async def test_a_hang_up_in_mid_answer_books_what_came() -> None:
    script = Script(ROLE, delta("Hello there"), asyncio.Event())
    route = Route(script)
    chunks, _ = route.chunks(stream=True)
    await anext(chunks)
    await anext(chunks)

    await chunks.aclose()
    await route.flights.settled()

    assert script.closed.is_set()
    assert says(route, outcome="hung_up", status=499, partial=True, cost_source="estimated", output_tokens=2)


async def test_a_hang_up_before_the_head_books_the_input_as_estimated() -> None:
    route = Route(asyncio.Event())
    call = asyncio.create_task(route.ask())
    await turns()
    assert len(route.transport.sent) == 1

    call.cancel()
    with suppress(asyncio.CancelledError):
        await call
    await route.flights.settled()

    assert says(route, outcome="hung_up", partial=True, cost_source="estimated", output_tokens=0, attempts=1)
    assert route.row.input_tokens > 0
    assert route.row.cost_pico == route.row.input_tokens * 2_000_000


async def test_a_hang_up_of_the_leader_does_not_hurt_a_follower() -> None:
    gate = asyncio.Event()
    route = Route(Script(*STREAM[:2], gate, *STREAM[2:]))
    leader = asyncio.create_task(route.ask(stream=True))
    await turns()
    follower = asyncio.create_task(route.ask(stream=True))
    await turns()
    leader.cancel()
    await turns()
    gate.set()

    assert b"Hello" in b"".join(await follower)
    await asyncio.gather(leader, return_exceptions=True)

    by_cache = {row.cache: row for row in route.rows}
    assert (by_cache["miss"].outcome, by_cache["miss"].cost_pico) == ("hung_up", COST), (
        "who opened it pays for all of it"
    )
    assert (by_cache["coalesced"].outcome, by_cache["coalesced"].saved_pico) == ("ok", COST)


async def test_the_provider_is_left_before_hostile_text_is_counted_one_call_after_the_other() -> None:
    scripts = [Script(ROLE, delta("日本語" * 20_000), asyncio.Event()) for _ in range(8)]
    route = Route(*scripts)
    calls = [route.chunks(stream=True, seed=number) for number in range(8)]
    for chunks, _ in calls:
        await anext(chunks)
        await anext(chunks)

    await asyncio.gather(*(chunks.aclose() for chunks, _ in calls))
    await turns()

    assert all(script.closed.is_set() for script in scripts)
    assert len(route.rows) < 8, "not all is counted yet"
    await route.flights.settled()
    assert [row.outcome for row in route.rows] == ["hung_up"] * 8
    assert all(row.output_tokens > 0 for row in route.rows)


async def test_who_leaves_while_tokens_are_counted_pays_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    counting, go_on = threading.Event(), threading.Event()

    def slow(*arguments: Any) -> Usage:
        counting.set()
        assert go_on.wait(10)
        return count(*arguments)

    monkeypatch.setattr("gateway.ledger.settle.count", slow)
    route = Route(Script(ROLE, delta("Hello " * 500), delta(finish="stop")))
    chunks, _ = route.chunks(stream=True)
    await anext(chunks)
    await asyncio.to_thread(counting.wait, 10)

    await chunks.aclose()
    go_on.set()
    await route.flights.settled()

    (row,) = route.rows
    assert row.output_tokens >= 500
    assert row.cost_pico


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failed_call_leaves_nothing_for_the_garbage_collector(stream: bool) -> None:
    others = [each for each in gc.get_objects() if isinstance(each, Entry)]
    route = Route(Script(b"{}", status=500))
    chunks, entry = route.chunks(stream=stream)
    gc.disable()
    try:
        with suppress(GatewayError):
            await anext(chunks)
        await chunks.aclose()
        await route.flights.settled()
        route.rows.clear()
        route.book.journal.clear()
        del chunks, entry
        await turns()

        left = [each for each in gc.get_objects() if isinstance(each, Entry)]
        assert all(any(each is other for other in others) for each in left)
    finally:
        gc.enable()


# A gateway that shuts down.


async def test_at_shutdown_calls_in_flight_are_told_so_and_so_is_the_ledger() -> None:
    route = Route(Script(ROLE, delta("Hello"), asyncio.Event()), Script(asyncio.Event()))
    chunks, _ = route.chunks(stream=True)
    await anext(chunks)
    await anext(chunks)
    other = asyncio.create_task(route.ask(seed=1))
    await turns()

    route.flights.fail_all(ShuttingDown())

    with pytest.raises(ShuttingDown):
        await anext(chunks)
    with pytest.raises(ShuttingDown):
        await other
    await route.flights.settled()
    assert {(row.outcome, row.status, row.error) for row in route.rows} == {("interrupted", 503, "shutting_down")}
    assert all((row.cost_pico or 0) > 0 for row in route.rows)


# Whatever else.


async def test_a_fault_of_ours_is_an_internal_error_and_no_call_waits_for_ever(
    caplog: pytest.LogCaptureFixture,
) -> None:
    route = Route(Script(ZeroDivisionError()))
    with pytest.raises(GatewayError) as failed:
        await route.ask()

    assert failed.value.code == "internal_error"
    assert says(route, outcome="failed", status=500, error="internal_error")
    assert "the flight of call req_1 failed" in caplog.text
    assert len(route.flights) == 0


async def test_every_call_has_one_row_and_no_flight_is_left_over() -> None:
    route = Route(Script(whole()), Script(UpstreamInterrupted()), Script(*STREAM))
    for fields in ({}, {"seed": 1}, {"stream": True, "seed": 2}, {}, {"messages": 1}):
        with suppress(GatewayError):
            await route.ask(**fields)

    assert [row.id for row in route.rows] == [f"req_{number}" for number in range(1, 6)]
    assert (len(route.flights), route.flights.held) == (0, 0)
    assert all(kind in ("opened", "closed") for kind, _ in route.book.journal)
