"""How often and how much at once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from gateway.errors import RateLimited
from gateway.policy.allowance import Allowance, Allowances, Chain, of_key
from gateway.policy.keys import Key, digest

SECOND = 1_000_000_000
FREE = Key("free", digest("f"))


class Clock:
    def __init__(self) -> None:
        self.now = 1_000 * SECOND

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def key(rpm: int | None = None, concurrency: int | None = None, id: str = "k") -> Key:
    return Key(id, digest(id), requests_per_minute=rpm, concurrency=concurrency)


def allowances(clock: Clock, rpm: int | None = None, concurrency: int | None = None) -> Allowances:
    """Each key alone, with these limits where it has none of its own."""
    default = Allowance("key", "", rpm, concurrency)
    return Allowances(lambda key: of_key(key, default), clock=clock)


def ask(limits: Allowances, who: Key) -> bool:
    """Whether a short request is admitted."""
    try:
        with limits.admit(who):
            return True
    except RateLimited:
        return False


def test_a_key_without_limits_is_always_admitted(clock: Clock) -> None:
    limits = allowances(clock)

    assert all(ask(limits, FREE) for _ in range(1000))
    assert limits.admit(FREE).quota is None


def test_a_minutes_requests_may_come_at_once_and_then_no_more(clock: Clock) -> None:
    limits, who = allowances(clock), key(rpm=6)

    assert [ask(limits, who) for _ in range(8)] == [True] * 6 + [False] * 2


def test_requests_come_back_evenly(clock: Clock) -> None:
    limits, who = allowances(clock), key(rpm=6)
    while ask(limits, who):
        pass

    clock.now += 10 * SECOND - 1
    assert not ask(limits, who)
    clock.now += 1
    assert [ask(limits, who), ask(limits, who)] == [True, False]
    clock.now += 3600 * SECOND
    assert sum(ask(limits, who) for _ in range(20)) == 6


def test_a_clock_that_steps_back_gives_nothing_away(clock: Clock) -> None:
    limits, who = allowances(clock), key(rpm=6)
    while ask(limits, who):
        pass

    clock.now -= 3600 * SECOND

    assert not ask(limits, who)


def test_the_refusal_says_when_to_come_again_and_then_it_is_true(clock: Clock) -> None:
    limits, who = allowances(clock), key(rpm=120)
    while ask(limits, who):
        pass
    clock.now += SECOND // 5

    with pytest.raises(RateLimited) as refused:
        limits.admit(who)

    headers = dict(refused.value.headers)
    assert headers == {
        "retry-after": "1",
        "retry-after-ms": "300",
        "x-ratelimit-limit-requests": "120",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "0.300s",
    }
    assert (refused.value.status, refused.value.code, refused.value.type) == (429, "rate_limit_exceeded", "requests")
    assert "120 requests per minute" in refused.value.message
    clock.now += 300 * 1_000_000 - 1
    assert not ask(limits, who)
    clock.now += 1
    assert ask(limits, who)


def test_an_admitted_request_knows_what_remains(clock: Clock) -> None:
    limits, who = allowances(clock), key(rpm=60)

    quotas = [limits.admit(who).quota for _ in range(3)]

    assert [(quota.limit, quota.remaining, quota.reset_seconds) for quota in quotas if quota] == [
        (60, 59, 1.0),
        (60, 58, 2.0),
        (60, 57, 3.0),
    ]


def test_places_are_held_until_a_request_ends_however_it_ends(clock: Clock) -> None:
    limits, who = allowances(clock), key(concurrency=2)

    with limits.admit(who):
        with suppress(KeyError), limits.admit(who):
            assert not ask(limits, who)
            raise KeyError
        assert ask(limits, who)
    with limits.admit(who), limits.admit(who):
        assert not ask(limits, who)


def test_a_full_house_says_so(clock: Clock) -> None:
    limits, who = allowances(clock), key(concurrency=1)

    with limits.admit(who), pytest.raises(RateLimited) as refused:
        limits.admit(who)

    assert refused.value.code == "concurrency_limit_exceeded"
    assert refused.value.headers == {"retry-after": "1"}
    assert "Concurrency limit of 1" in refused.value.message


def test_what_one_limit_refuses_takes_nothing_from_the_other(clock: Clock) -> None:
    limits, who = allowances(clock), key(rpm=3, concurrency=1)

    with limits.admit(who):
        assert [ask(limits, who) for _ in range(10)] == [False] * 10
    assert [ask(limits, who) for _ in range(3)] == [True, True, False]
    clock.now += 60 * SECOND
    assert ask(limits, who), "a request that the rate refused holds no place"


def test_keys_do_not_touch_each_other(clock: Clock) -> None:
    limits = allowances(clock)
    while ask(limits, key(rpm=2, id="a")):
        pass

    assert ask(limits, key(rpm=2, id="b"))


def test_defaults_are_for_keys_that_set_no_limits(clock: Clock) -> None:
    limits = allowances(clock, 2, 1)

    assert [ask(limits, FREE) for _ in range(3)] == [True, True, False]
    assert sum(ask(limits, key(rpm=5)) for _ in range(9)) == 5


def test_a_changed_key_gets_its_new_limits_at_once_and_no_second_helping(clock: Clock) -> None:
    limits, old = allowances(clock), key(rpm=10)
    for _ in range(4):
        assert ask(limits, old)

    raised = replace(old, requests_per_minute=20)
    lowered = replace(old, requests_per_minute=3)

    assert sum(ask(limits, raised) for _ in range(40)) <= 16
    assert not ask(limits, lowered)
    clock.now += 20 * SECOND
    assert [ask(limits, lowered), ask(limits, lowered)] == [True, False]


def test_a_request_admitted_before_a_change_gives_its_place_back_after_it(clock: Clock) -> None:
    limits, old = allowances(clock), key(concurrency=1)
    new = replace(old, name="renamed")

    with limits.admit(old):
        assert not ask(limits, new)

    assert ask(limits, new)


def test_limits_that_are_lifted_are_lifted(clock: Clock) -> None:
    limits, old = allowances(clock), key(rpm=1)
    while ask(limits, old):
        pass

    assert all(ask(limits, replace(old, requests_per_minute=None)) for _ in range(10))


def of_everybody(key: Key) -> Chain:
    return (
        Allowance("key", key.id, 100, 3),
        Allowance("team", "red", 4),
        Allowance("organisation", "acme", 50, 2),
    )


def test_a_call_is_admitted_over_its_whole_chain_or_by_none_of_it(clock: Clock) -> None:
    limits = Allowances(of_everybody, clock=clock)

    assert [ask(limits, key(id=name)) for name in "ababa"] == [True] * 4 + [False]
    with pytest.raises(RateLimited, match="for this team: 4 requests per minute"):
        limits.admit(key(id="c"))

    clock.now += 60 * SECOND
    with limits.admit(key(id="a")), limits.admit(key(id="b")), pytest.raises(RateLimited) as refused:
        limits.admit(key(id="c"))
    assert refused.value.message.startswith("Concurrency limit of 2 reached for this organisation.")
    assert [ask(limits, key(id="c")) for _ in range(3)] == [True, True, False], "what was refused took from nobody"


def test_of_several_limits_the_headers_tell_the_one_that_is_met_first(clock: Clock) -> None:
    limits = Allowances(of_everybody, clock=clock)

    with limits.admit(key()) as admission:
        assert admission.quota is not None
        assert (admission.quota.limit, admission.quota.remaining) == (4, 3)


def test_what_was_compiled_for_keys_that_are_gone_is_forgotten(clock: Clock) -> None:
    limits = allowances(clock)
    for name in "abc":
        ask(limits, key(rpm=1, id=name))

    limits.retain({"b"})

    assert len(limits) == 1
    assert not ask(limits, key(rpm=1, id="b"))
