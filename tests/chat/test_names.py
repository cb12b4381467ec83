"""Names from outside: short, and safe in a header line."""

from __future__ import annotations

import orjson
import pytest

from gateway.chat.names import NAME_BYTES, bounded, clean


@pytest.mark.parametrize("name", ["gpt-4o", "é" * 100, "m" * 256, "m" * 10**6, "日" * 500, "\ud800x"])
def test_a_bounded_name_is_short_and_can_be_written(name: str) -> None:
    written = bounded(name).encode()
    assert len(written) <= NAME_BYTES
    assert name.encode("utf-8", "replace").startswith(written)
    assert orjson.dumps(bounded(name))


@pytest.mark.parametrize("value", ["gpt-4o", "a b", "modèle"])
def test_a_clean_value_stays_as_it_is(value: str) -> None:
    assert clean(value) == value


def test_a_header_value_cannot_end_its_line() -> None:
    assert clean("gpt\r\nset-cookie: a=b\0") == "gptset-cookie: a=b"
