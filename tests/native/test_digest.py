"""`native.sha256` against hashlib."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.native import sha256


@given(st.binary(max_size=300))
def test_it_is_sha256(data: bytes) -> None:
    assert sha256(data) == hashlib.sha256(data).digest()


def test_text_is_refused() -> None:
    with pytest.raises(TypeError):
        sha256("text")  # type: ignore[arg-type]
