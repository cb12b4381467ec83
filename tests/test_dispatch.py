"""Plans of several steps, tried in order: `gateway/dispatch.py` over scripted providers."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress

import pytest

from gateway.cache import flight as flights
from gateway.chat.usage import Usage
from gateway.errors import GatewayError, UpstreamInterrupted, UpstreamRefused, UpstreamTimeout, UpstreamUnreachable
from gateway.ledger import settle
from tests.scripted import COST, ROLE, STREAM, Route, Script, delta, turns, whole

BOTH = ("one", "two")


def refusing(status: int, message: str = "no") -> Script:
    """A provider that answers with an error."""
    return Script(b'{"error":{"message":"%b"}}' % message.encode(), status=status)


def asked(route: Route) -> list[str]:
    """The providers that were asked, in order."""
    return [name for name, _ in route.transport.sent]


# Which failures lead to the next step.


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "failure",
    [
        UpstreamUnreachable("one could not be reached."),
        UpstreamTimeout("one did not answer in time."),
        UpstreamInterrupted("one closed the connection without an answer."),
        refusing(500),
        refusing(429),
        refusing(404),
        refusing(401),
        Script(UpstreamInterrupted("one broke off.")),
        Script(b"no JSON, no event", UpstreamInterrupted("one broke off.")),
    ],
    ids=lambda failure: failure.status if isinstance(failure, Script) else type(failure).__name__,
)
async def test_a_step_that_fails_before_anything_was_shown_gives_way_to_the_next(
    failure: Script | Exception, stream: bool
) -> None:
    if isinstance(failure, Script):
        failure = Script(*failure.acts, status=failure.status)
    route = Route(failure, Script(*STREAM) if stream else Script(whole()), providers=BOTH)

    answer = b"".join(await route.ask(stream=stream))

    assert b"Hello" in answer
    assert asked(route) == ["one", "two"]
    assert [outgoing.stream for _, outgoing in route.transport.sent] == [stream, stream]
    assert (route.row.outcome, route.row.provider, route.row.attempts, route.row.partial) == ("ok", "two", 2, False)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_a_failure_of_the_callers_own_is_told_at_once(status: int) -> None:
    route = Route(refusing(status, "bad request"), Script(whole()), providers=BOTH)

    with pytest.raises(UpstreamRefused, match="bad request") as refused:
        await route.ask()

    assert refused.value.status == status
    assert asked(route) == ["one"]
    assert (route.row.attempts, route.row.cost_pico) == (1, 0)


async def test_what_clients_have_seen_the_beginning_of_is_not_tried_again() -> None:
    route = Route(Script(ROLE, delta("Hel"), UpstreamInterrupted("cut")), Script(*STREAM), providers=BOTH)
    chunks, _ = route.chunks(stream=True)

    assert [await anext(chunks), await anext(chunks)] == [ROLE, delta("Hel")]
    with pytest.raises(UpstreamInterrupted, match="cut"):
        await anext(chunks)

    assert asked(route) == ["one"]


async def test_start_up_events_that_were_shown_for_want_of_content_are_seen_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flights, "HOLD_SECONDS", 0.01)
    route = Route(Script(ROLE, 0.05, UpstreamInterrupted("cut")), Script(*STREAM), providers=BOTH)

    with pytest.raises(UpstreamInterrupted, match="cut"):
        await route.ask(stream=True)

    assert asked(route) == ["one"]


async def test_the_last_failure_stands() -> None:
    route = Route(refusing(500), UpstreamTimeout("late"), UpstreamUnreachable("gone"), providers=("a", "b", "c"))

    with pytest.raises(UpstreamUnreachable, match="gone"):
        await route.ask()

    assert (route.row.outcome, route.row.error, route.row.attempts) == ("failed", "upstream_unreachable", 3)


async def test_the_same_step_may_stand_twice_in_a_plan() -> None:
    route = Route(refusing(500), Script(whole()), providers=("one", "one"))

    assert await route.ask() == [whole()]
    assert asked(route) == ["one", "one"]


async def test_a_fault_of_ours_is_tried_nowhere_else() -> None:
    route = Route(Script(ZeroDivisionError()), Script(whole()), providers=BOTH)

    with pytest.raises(GatewayError):
        await route.ask()

    assert asked(route) == ["one"]


# A failed attempt leaves nothing in the flight.


async def test_start_up_events_of_a_failed_attempt_are_forgotten() -> None:
    other = delta(role="assistant", refusal=None)
    route = Route(Script(other, UpstreamInterrupted()), Script(*STREAM), providers=BOTH)

    assert b"".join(await route.ask(stream=True)) == b"".join(STREAM[:3])
    assert b"".join(await route.ask(stream=True)) == b"".join(STREAM[:3]), "nor are they kept"


async def test_the_beginning_of_a_whole_answer_that_broke_off_is_forgotten() -> None:
    route = Route(Script(whole("first")[:20], UpstreamInterrupted()), Script(whole("second")), providers=BOTH)

    assert await route.ask() == await route.ask() == [whole("second")]


async def test_followers_do_not_notice_a_failed_attempt() -> None:
    gate = asyncio.Event()
    route = Route(Script(ROLE, gate, UpstreamInterrupted()), Script(*STREAM), providers=BOTH)
    calls = [asyncio.create_task(route.ask(stream=True)) for _ in range(3)]
    await turns()
    gate.set()

    answers = [b"".join(chunks) for chunks in await asyncio.gather(*calls)]

    assert answers == [b"".join(STREAM[:3])] * 3
    assert [row.saved_pico for row in route.rows if row.cache == "coalesced"] == [COST] * 2


async def test_the_payer_that_has_left_stays_one_that_hung_up_whatever_is_tried_for_its_followers() -> None:
    gate = asyncio.Event()
    route = Route(Script(ROLE, gate, UpstreamInterrupted()), Script(*STREAM), providers=BOTH)
    payer = asyncio.create_task(route.ask(stream=True))
    await turns()
    follower = asyncio.create_task(route.ask(stream=True))
    await turns()
    payer.cancel()
    await turns()
    gate.set()

    assert b"Hello" in b"".join(await follower)
    await asyncio.gather(payer, return_exceptions=True)
    by_cache = {row.cache: row for row in route.rows}
    assert (by_cache["miss"].outcome, by_cache["miss"].attempts, by_cache["miss"].partial) == ("hung_up", 2, True)
    assert by_cache["coalesced"].outcome == "ok"


# Every attempt counts.


async def test_each_attempts_reserve_is_journaled_beside_what_earlier_ones_cost() -> None:
    gate = asyncio.Event()
    cut = Script(delta(role="assistant"), b"data: {}\n\n", UpstreamInterrupted())
    route = Route(cut, gate, Script(whole()), providers=BOTH)
    call = asyncio.create_task(route.ask(stream=False, max_tokens=100))
    while sum(kind == "opened" for kind, _ in route.book.journal) < 2:
        await turns(1)

    first, second = [row for kind, row in route.book.journal if kind == "opened"]
    assert first.cost_pico is not None
    assert second.cost_pico is not None
    spent = second.cost_pico - first.cost_pico
    assert (first.attempts, second.attempts) == (1, 2)
    assert (first.provider, second.provider) == ("one", "two")
    assert spent > 0, "the answer that broke off was at work"
    gate.set()
    await call

    assert route.row.cost_pico == spent + COST
    assert route.row.cost_source == "estimated"


async def test_only_the_first_count_with_an_encoding_is_left_to_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its vocabulary is read then, which takes longer than a loop may be held."""
    in_place: list[bool] = []

    def count(*_: object) -> Usage:
        in_place.append(threading.current_thread() is threading.main_thread())
        return Usage(counted=True)

    monkeypatch.setattr(settle, "count", count)
    route = Route(*[Script(delta("Hi"), UpstreamInterrupted())] * 2)
    for _ in range(2):
        with pytest.raises(UpstreamInterrupted):
            await route.ask(stream=True)

    assert in_place == [False, True]


async def test_an_attempt_of_unknown_price_makes_the_sum_unknown() -> None:
    route = Route(Script(ROLE, UpstreamInterrupted()), Script(*STREAM), providers=BOTH)
    await route.ask(stream=True, model="unknown")

    assert (route.row.cost_pico, route.row.cost_source) == (None, "unknown")


@pytest.mark.parametrize(
    "failure", [UpstreamUnreachable(), refusing(500), refusing(429)], ids=["unreachable", "500", "429"]
)
async def test_a_provider_that_refused_or_was_not_reached_is_not_paid(failure: Script | Exception) -> None:
    route = Route(failure)
    with suppress(GatewayError):
        await route.ask()

    assert (route.row.cost_pico, route.row.input_tokens, route.row.cost_source) == (0, 0, "none")


@pytest.mark.parametrize("failure", [UpstreamTimeout(), UpstreamInterrupted()])
async def test_a_provider_that_took_the_request_and_said_nothing_is_paid_for_the_input(failure: Exception) -> None:
    route = Route(failure)
    with suppress(GatewayError):
        await route.ask()

    assert route.row.input_tokens > 0
    assert (route.row.output_tokens, route.row.cost_source) == (0, "estimated")


async def test_a_hang_up_ends_the_plan() -> None:
    route = Route(asyncio.Event(), providers=BOTH)
    call = asyncio.create_task(route.ask())
    await turns()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)

    assert asked(route) == ["one"]
    assert route.row.outcome == "hung_up"


# What the operator reads.


async def test_every_failed_attempt_is_one_line_that_says_what_failed_where(caplog: pytest.LogCaptureFixture) -> None:
    route = Route(refusing(500), UpstreamTimeout("two did not answer in time."), providers=BOTH)
    with suppress(GatewayError):
        await route.ask(model="openai/gpt")

    assert [record.getMessage() for record in caplog.records] == [
        "call req_1 of key k: attempt 1, model 'openai/gpt' at one, failed: answered with status 500, upstream_error",
        "call req_1 of key k: attempt 2, model 'openai/gpt' at two, failed: upstream_timeout: two did not answer in time.",
    ]


async def test_a_line_holds_nothing_that_was_asked_or_answered_and_no_key(caplog: pytest.LogCaptureFixture) -> None:
    secret = "the prompt is private"
    words = b'{"error":{"message":"%b sk-provider","type":"%b","code":"%b\\n"}}' % ((secret.encode(),) * 3)
    route = Route(Script(words, status=400), Script(delta("private") + b"data: {\n\n"))
    for fields in ({}, {"stream": True, "model": "m\nodel"}):
        with suppress(GatewayError):
            await route.ask(messages=[{"role": "user", "content": secret}], **fields)

    assert caplog.records
    for record in caplog.records:
        assert record.levelno == logging.WARNING
        assert "private" not in record.getMessage()
        assert "sk-" not in record.getMessage()
        assert "\n" not in record.getMessage()


async def test_the_cause_beneath_a_failure_is_told(caplog: pytest.LogCaptureFixture) -> None:
    error = UpstreamUnreachable("one could not be reached.")
    error.__cause__ = OSError(-2, "Name or service not known")
    with suppress(GatewayError):
        await Route(error).ask()

    assert "Name or service not known" in caplog.text


async def test_a_call_that_succeeds_writes_no_line(caplog: pytest.LogCaptureFixture) -> None:
    await Route(Script(whole())).ask()
    assert caplog.records == []


# Answers of the other shape.


async def test_a_whole_answer_to_a_stream_is_a_stream_of_it() -> None:
    route = Route(Script(whole("Hello")))

    shown = b"".join(await route.ask(stream=True))
    kept = b"".join(await route.ask(stream=True))

    assert b'"content":"Hello"' in shown
    assert shown.startswith(b"data: {")
    assert kept == shown
    assert (route.rows[0].outcome, route.rows[0].cost_pico, route.rows[1].cache) == ("ok", COST, "hit")


async def test_an_error_in_answer_to_a_stream_is_told_with_its_status_and_on_the_books() -> None:
    route = Route(Script(b'{"error":{"message":"no room",', b'"type":"full","code":"full"}}'))

    with pytest.raises(UpstreamRefused) as caught:
        await route.ask(stream=True)

    assert (caught.value.status, caught.value.message, caught.value.code) == (502, "no room", "full")
    assert (route.row.outcome, route.row.error) == ("failed", "full")
