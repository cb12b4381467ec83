import threading
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.native import Gate, Lender, Limits, Unit

SECOND = 10**9
MINUTE = 60 * SECOND
NO_REQUEST_LIMIT = 2**63 - 1


def gate(limits: Limits, *names: str) -> Gate:
    units = {"r": Unit.REQUESTS, "t": Unit.TOKENS, "p": Unit.PLACES, "c": Unit.COST}
    slots = [(limits.slot(name), units[name[0]]) for name in names]
    return limits.gate([(slot, unit) for slot, unit in slots if slot is not None])


@pytest.fixture
def limits() -> Limits:
    limits = Limits()
    limits.bucket("requests", amount=3, per_ns=MINUTE)
    limits.bucket("tokens", amount=1000, per_ns=MINUTE, burst=2000)
    limits.gauge("places", limit=2)
    limits.budget("cost", limit=100)
    return limits


def test_counts_down_refuses_and_refills(limits: Limits) -> None:
    one = gate(limits, "requests")
    assert [one.take(0) for _ in range(4)] == [2, 1, 0, -20 * SECOND]
    assert one.take(20 * SECOND - 1) == -1
    assert one.take(20 * SECOND) == 0
    assert one.take(10 * MINUTE) == 2


def test_all_or_nothing(limits: Limits) -> None:
    every = gate(limits, "requests", "tokens", "places", "cost")
    assert every.take(0, 1500, 10) == 2
    for tokens, cost, reason in [(501, 0, "tokens"), (0, 91, "cost")]:
        before = every.remaining(0)
        assert every.take(0, tokens, cost) < 0
        refusal = every.refusal(0, tokens, cost)
        assert refusal is not None
        assert (refusal.name, refusal.slot) == (reason, limits.slot(reason))
        assert every.remaining(0) == before
    assert every.take(0, 500, 90) == 1
    assert every.take(0) == Gate.BLOCKED


def test_says_what_kind_of_refusal(limits: Limits) -> None:
    tokens, cost = gate(limits, "tokens"), gate(limits, "cost")
    assert tokens.take(0, 2001) == Gate.NEVER
    assert tokens.take(0, 2000) == NO_REQUEST_LIMIT
    assert tokens.take(0, 1) == -MINUTE // 1000
    assert tokens.take(0, 0) >= 0, "what takes nothing of a limit is not held up by it"
    assert cost.take(0, 0, 101) == Gate.NEVER
    assert cost.take(0, 0, 60) >= 0
    assert cost.take(0, 0, 60) == Gate.BLOCKED
    refusal = cost.refusal(0, 0, 60)
    assert refusal is not None
    assert (refusal.retry_after_ns, refusal.code, refusal.limit, refusal.remaining) == (
        None,
        Gate.BLOCKED,
        100,
        40,
    )
    assert (refusal.unit == Unit.COST, cost.refusal(0, 0, 40)) == (True, None)


def test_places_come_back(limits: Limits) -> None:
    places = gate(limits, "places")
    assert places.take(0) >= 0
    assert places.take(0) >= 0
    assert places.take(0) == Gate.BLOCKED
    places.release()
    assert places.take(0) >= 0
    places.release()
    places.release()
    with pytest.raises(ValueError, match="more places"):
        places.release()


def test_settles_for_the_truth(limits: Limits) -> None:
    both = gate(limits, "tokens", "cost")
    assert both.take(0, 1000, 50) >= 0
    both.settle(0, 1000, 300, 50, 20)
    assert [left for _, _, left, _ in both.remaining(0)] == [1700, 80]
    both.settle(0, 0, 2700, 0, 100)
    assert [left for _, _, left, _ in both.remaining(0)] == [0, 0]
    assert both.take(0, 1, 0) == -MINUTE - MINUTE // 1000, "1,000 tokens are owed first"


def test_remaining_for_headers(limits: Limits) -> None:
    every = gate(limits, "requests", "places", "cost")
    every.take(0, 0, 1)
    slots = [limits.slot(name) for name in ("requests", "places", "cost")]
    expected = list(zip(slots, (3, 2, 100), (2, 1, 99), (20 * SECOND, None, None), strict=True))
    assert every.remaining(0) == expected


def test_new_terms_keep_what_was_spent(limits: Limits) -> None:
    one, slot = gate(limits, "requests"), limits.slot("requests")
    one.take(0)
    one.take(0)
    assert limits.bucket("requests", amount=10, per_ns=MINUTE) == slot
    assert one.remaining(0) == [(slot, 10, 8, 12 * SECOND)]
    limits.bucket("requests", amount=1, per_ns=MINUTE)
    assert one.take(0) == -MINUTE
    cost = gate(limits, "cost")
    cost.take(0, 0, 70)
    limits.budget("cost", limit=50)
    assert cost.take(0, 0, 1) == Gate.BLOCKED
    limits.budget("cost", limit=50, spent=0)
    assert cost.take(0, 0, 50) >= 0


def test_removed_limits_stay_with_their_gates(limits: Limits) -> None:
    one, slot = gate(limits, "requests"), limits.slot("requests")
    assert slot is not None
    limits.remove(slot)
    assert (limits.slot("requests"), len(limits)) == (None, 3)
    assert [one.take(0) for _ in range(4)] == [2, 1, 0, -20 * SECOND]
    del one
    assert limits.bucket("another", amount=1, per_ns=1) == slot


@pytest.mark.parametrize(
    ("misuse", "error", "message"),
    [
        (lambda limits: limits.bucket("x", amount=0, per_ns=1), ValueError, "at least 1"),
        (lambda limits: limits.bucket("x", amount=1, per_ns=1, burst=0), ValueError, "at least 1"),
        (lambda limits: limits.gauge("x", limit=-1), ValueError, "negative"),
        (lambda limits: limits.budget("x", limit=1, spent=-1), ValueError, "negative"),
        (lambda limits: limits.budget("places", limit=1), ValueError, "Gauge already"),
        (lambda limits: limits.remove(99), KeyError, "no limit has slot 99"),
        (lambda limits: limits.gate([(99, Unit.TOKENS)]), KeyError, "no limit has slot 99"),
        (lambda limits: limits.gate([(2, Unit.TOKENS)]), ValueError, "places are for gauges"),
        (lambda limits: limits.gate([(0, Unit.TOKENS), (0, Unit.REQUESTS)]), ValueError, "listed twice"),
        (lambda limits: limits.gate([(0, Unit.TOKENS)] * 13), ValueError, "at most 12"),
        (lambda limits: limits.gate([(0, 1)]), TypeError, "Unit"),
        (lambda limits: limits.lend(0, 0, amount=1, start=0, end=1), ValueError, "Bucket"),
        (lambda limits: gate(limits, "requests").take(1 << 63), OverflowError, "too large"),
        (lambda limits: gate(limits, "requests").take(1.5), TypeError, "integer"),  # type: ignore[arg-type]
        (lambda _: Lender(amount=1, per_ns=1, share=0), ValueError, "share"),
    ],
)
def test_misuse(limits: Limits, misuse: Callable[[Limits], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        misuse(limits)


def test_a_lease_is_spent_here_and_counted_there() -> None:
    lender = Lender(amount=600, per_ns=MINUTE, burst=100, share=2)
    limits = Limits()
    slot = limits.lease("shared", limit=100)
    one = limits.gate([(slot, Unit.REQUESTS)])
    assert one.take(0) == Gate.LEASE
    granted = lender.grant(0, 80)
    assert granted == (0, 50, SECOND)
    assert limits.lend(slot, 0, amount=50, start=0, end=SECOND) == 0
    assert (lender.remaining(0), lender.lent(0)) == (50, 50)
    assert one.take(0) == 49
    assert one.take(SECOND) == Gate.LEASE, "a lease is over at its end"
    unspent = limits.lend(slot, SECOND // 2, amount=0, start=0, end=0)
    assert (unspent, lender.give_back(SECOND // 2, 0, unspent)) == (49, 49)
    assert lender.remaining(SECOND // 2) == 99
    assert lender.give_back(SECOND // 2, 0, unspent) == 0, "once"


def test_what_a_dead_node_held_is_spent() -> None:
    lender = Lender(amount=60, per_ns=MINUTE, burst=100, share=1)
    assert lender.grant(0, 100) == (0, 100, SECOND)
    assert lender.grant(SECOND // 2, 1) is None
    assert lender.take(SECOND // 2) == Gate.BLOCKED
    assert lender.remaining(SECOND) == 0
    assert lender.remaining(3 * SECOND) == 2


rates = st.tuples(st.integers(1, 50), st.integers(1, 5 * SECOND), st.integers(1, 40))
steps = st.one_of(st.integers(0, SECOND), st.integers(-SECOND // 10, 0), st.integers(-9 * SECOND, 9 * SECOND))


@settings(max_examples=80, deadline=None)
@given(rates, st.lists(st.tuples(steps, st.integers(1, 9)), max_size=120))
def test_equals_the_definition(rate: tuple[int, int, int], calls: list[tuple[int, int]]) -> None:
    amount, per_ns, burst = rate
    limits = Limits()
    one = limits.gate([(limits.bucket("", amount=amount, per_ns=per_ns, burst=burst), Unit.TOKENS)])
    late = min(SECOND, burst * per_ns // amount)
    now, last, level = 0, -(1 << 62), Fraction(burst)
    for step, tokens in calls:
        now += step
        if now > last:
            level = min(Fraction(burst), level + Fraction((now - last) * amount, per_ns))
        if now > last or last - now > late:
            last = now
        taken = one.take(now, tokens)
        if level >= tokens:
            level -= tokens
            assert taken == NO_REQUEST_LIMIT
        elif tokens > burst:
            assert taken == Gate.NEVER
        else:
            wait = (tokens - level) * per_ns / amount + max(0, last - now)
            assert taken == -max(1, -(-wait.numerator // wait.denominator))


def test_threads_never_take_one_over() -> None:
    limits = Limits()
    cost, places = limits.budget("cost", limit=5000), limits.gauge("places", limit=3)
    one = limits.gate([(places, Unit.PLACES), (cost, Unit.COST)])
    admitted = []

    def run() -> None:
        for now in range(4000):
            if one.take(now, 0, 1) >= 0:
                admitted.append(1)
                one.release()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 5000
    assert [left for _, _, left, _ in one.remaining(0)] == [3, 0]
