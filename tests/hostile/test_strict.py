"""The strict reader itself: what it lets pass and what it does not."""

from __future__ import annotations

import pytest

from tests.hostile.strict import Garbled, read

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "bodies"),
    [
        (HEAD + b"content-length: 2\r\n\r\nab", [b"ab"]),
        (HEAD + b"content-length: 2\r\n\r\nab" + HEAD + b"content-length: 0\r\n\r\n", [b"ab", b""]),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + CHUNKED + b"2\r\nab\r\nA\r\n0123456789\r\n0\r\n\r\n", [b"ab0123456789"]),
        (HEAD + b"connection: close\r\n\r\nabc", [b"abc"]),
    ],
)
def test_whole_responses(data: bytes, bodies: list[bytes]) -> None:
    answers = read(data)
    assert [answer.body for answer in answers] == bodies
    assert all(answer.whole for answer in answers)


@pytest.mark.parametrize("at", range(1, 26))
def test_a_chunked_body_that_is_cut_is_not_whole(at: int) -> None:
    (answer,) = read((CHUNKED + b"2\r\nab\r\nA\r\n0123456789\r\n0\r\n\r\n")[:-at])
    assert not answer.whole


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\n\n",
        b"HTTP/1.1 200 OK\r\nx : a\r\ncontent-length: 0\r\n\r\n",
        HEAD + b"x: a\tb\r\ncontent-length: 0\r\n\r\n",
        HEAD + b"content-length: 2\r\n\r\nabc",
        HEAD + b"content-length: 2\r\ncontent-length: 2\r\n\r\nab",
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\nab",
        HEAD + b"content-length: 0\r\nconnection: close\r\n\r\n" + HEAD,
        HEAD + b"\r\n",
        CHUNKED + b"2\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"0x2\r\nab\r\n0\r\n\r\n",
        CHUNKED + b"2\r\nab\r\n0\r\n\r\nmore",
        HEAD + b"x: " + b"a" * 20_000 + b"\r\n\r\n",
    ],
)
def test_what_is_garbled(data: bytes) -> None:
    with pytest.raises(Garbled):
        read(data)
