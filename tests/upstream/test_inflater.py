"""Inflating in bounded steps."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.inflater import FREELY, Inflater, InflationError


def drained(inflater: Inflater, most: int) -> bytes:
    data = b""
    while inflater.pending:
        step = inflater.step(most)
        assert len(step) <= most
        data += step
    return data


@given(
    st.binary(max_size=2_000), st.integers(1, 300), st.integers(1, 300), st.sampled_from([gzip.compress, zlib.compress])
)
def test_any_split_and_any_step_give_the_same(data: bytes, split: int, most: int, compress: object) -> None:
    packed = compress(data * 3)  # type: ignore[operator]
    inflater, found = Inflater(), b""
    for at in range(0, len(packed), split):
        inflater.add(packed[at : at + split])
        found += drained(inflater, most)

    assert found == data * 3
    assert inflater.ended
    assert len(inflater) == 0


def test_it_holds_what_was_added_and_never_what_that_inflates_to() -> None:
    inflater = Inflater()
    packed = gzip.compress(bytes(10 << 20))
    inflater.add(packed)

    assert len(inflater.step(1000)) == 1000
    assert 0 < len(inflater) <= len(packed)


@pytest.mark.parametrize("size", [FREELY, FREELY // 2])
def test_what_stays_below_the_bound_may_have_any_ratio(size: int) -> None:
    inflater = Inflater()
    inflater.add(gzip.compress(bytes(size)))

    assert sum(len(inflater.step(1 << 20)) for _ in range(16) if inflater.pending) == size


def test_a_bomb_is_refused_when_it_is_over_the_bound() -> None:
    inflater = Inflater()
    inflater.add(gzip.compress(bytes(64 << 20)))
    for _ in range(FREELY >> 20):
        assert len(inflater.step(1 << 20)) == 1 << 20

    with pytest.raises(InflationError, match="beyond reason"):
        inflater.step(1 << 20)


@pytest.mark.parametrize("packed", [b"plain text", gzip.compress(b"one", mtime=0) + gzip.compress(b"two", mtime=0)])
def test_what_is_not_one_stream_is_refused(packed: bytes) -> None:
    inflater = Inflater()
    inflater.add(packed)

    with pytest.raises(InflationError):
        drained(inflater, 100)


def test_a_stream_that_was_cut_has_not_ended() -> None:
    inflater = Inflater()
    inflater.add(gzip.compress(b"hello")[:-3])

    assert drained(inflater, 100) == b"hello"
    assert not inflater.ended
