"""JSON as providers write it: what orjson refuses or bends is read exactly, or refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from gateway.chat.wire import event, payloads, read, write
from gateway.errors import Untranslatable
from tests.chat.nonsense import values


@pytest.mark.parametrize(
    "text",
    [
        '{"seed":18446744073709551616}',
        '{"seed":-9223372036854775809}',
        '{"seed":1' + "0" * 4000 + "}",
        '{"text":"\\ud83d"}',
        '{"text":"\\ude00\\ud83d x"}',
        '{"deep":' + "[" * 500 + "]" * 500 + "}",
        '{"text":"1234567890123456789"}',
    ],
    ids=lambda text: text[:40],
)
def test_what_orjson_bends_or_refuses_is_kept_to_the_letter(text: str) -> None:
    assert write(read(text.encode())) == text.encode()


def test_the_halves_of_a_cut_emoji_become_one_again() -> None:
    assert write(read(b'"\\ud83d"') + read(b'"\\ude00"')) == b'"\\ud83d\\ude00"'


@pytest.mark.parametrize(
    "raw",
    [b"1e400", b"-1e400", b"NaN", b"[Infinity]", b"{", b"", b"\xff", b"1" + b"0" * 5000, b"[" * 99999 + b"]" * 99999],
    ids=lambda raw: raw[:12].decode(errors="replace"),
)
def test_what_cannot_be_told_again_is_refused(raw: bytes) -> None:
    with pytest.raises(Untranslatable):
        read(raw)


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(Untranslatable):
        write(["\ud800", float("inf")])


@given(values(["a", "b"]))
def test_any_json_is_read_as_the_standard_library_reads_it(value: Any) -> None:
    text = json.dumps(value)

    assert read(text.encode()) == json.loads(text)
    assert json.loads(write(value)) == value


@pytest.mark.parametrize("end", [b"\n\n", b"\n", b""])
def test_events_are_read_back_as_they_were_written(end: bytes) -> None:
    stream = event({"a": 1}) + b": comment\n\n" + event({"b": "\ud800"}) + b'data: {"c":\ndata: 2}' + end

    assert list(payloads(stream)) == [{"a": 1}, {"b": "\ud800"}, {"c": 2}]


def test_nothing_is_no_events() -> None:
    assert list(payloads(b"")) == []
