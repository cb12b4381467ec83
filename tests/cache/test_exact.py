"""The policy of the exact cache: for how long, up to what size, for whom."""

from __future__ import annotations

import pytest

from gateway.api.formats.chat import Chat
from gateway.cache.exact import OVERHEAD, SECOND, Exact
from gateway.cache.terms import DEFAULT_TERMS, Terms
from gateway.chat.answer import Answer, Source
from gateway.chat.usage import Usage

KEY = b"k" * 32


class Clock:
    now = 1_000 * SECOND

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def exact(clock: Clock) -> Exact:
    return Exact(capacity=1 << 20, ttl=60.0, largest=1000, clock=clock)


def answer(body: bytes = b"{}") -> Answer:
    return Answer(body, Chat(), Source("one", "gpt", Usage(), 1), stream=False)


def test_an_answer_is_kept_for_its_time_to_live(exact: Exact, clock: Clock) -> None:
    kept = answer()
    assert exact.put(KEY, DEFAULT_TERMS, kept)

    clock.now += 60 * SECOND - 1
    assert exact.get(KEY, DEFAULT_TERMS) is kept
    clock.now += 1
    assert exact.get(KEY, DEFAULT_TERMS) is None


def test_a_caller_may_set_another_time_to_live(exact: Exact, clock: Clock) -> None:
    exact.put(KEY, Terms(ttl=3600), answer())
    clock.now += 3599 * SECOND
    assert exact.get(KEY, DEFAULT_TERMS)


@pytest.mark.parametrize("terms", [Terms(store=False), Terms(ttl=0)])
def test_what_a_caller_does_not_want_kept_is_not(exact: Exact, terms: Terms) -> None:
    assert not exact.put(KEY, terms, answer())
    assert len(exact) == 0


def test_an_answer_that_is_too_large_is_not_kept(exact: Exact) -> None:
    assert exact.put(KEY, DEFAULT_TERMS, answer(b"x" * 1000))
    assert not exact.put(KEY, DEFAULT_TERMS, answer(b"x" * 1001))


def test_a_caller_may_want_none_or_a_younger_one(exact: Exact, clock: Clock) -> None:
    exact.put(KEY, DEFAULT_TERMS, answer())
    clock.now += 10 * SECOND

    assert exact.get(KEY, Terms(read=False)) is None
    assert exact.get(KEY, Terms(max_age=9)) is None
    assert exact.get(KEY, Terms(max_age=10))


def test_both_shapes_are_accounted_for_from_the_start(exact: Exact) -> None:
    exact.put(KEY, DEFAULT_TERMS, answer(b"x" * 1000))
    assert exact.weight >= 2 * 1000 + OVERHEAD
