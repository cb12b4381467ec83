"""Responses as bytes."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import wire
from gateway.api.request import Request
from gateway.errors import RateLimited


class Taking:
    """A client that keeps what it is sent, and is waited for where it is slow."""

    def __init__(self, *, slow: bool = False) -> None:
        self.pieces: list[bytes] = []
        self.closed = False
        self.drains = 0
        self.blocked_since = 0.0 if slow else None

    def send(self, data: bytes) -> None:
        self.pieces.append(data)

    async def drain(self) -> None:
        self.drains += 1

    def force_close(self) -> None:
        self.closed = True

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces).partition(b"\r\n\r\n")[2]


class Old(Request):
    """A request of HTTP/1.0."""

    __slots__ = ()

    @property
    def chunked(self) -> bool:
        return False


def asked(client: Taking | None = None, kind: type[Request] = Request, method: str = "GET", id: str = "") -> Request:
    return kind("req_1", client or Taking(), method, "/", lambda name: id if name == "x-request-id" else "")


def head_of(reply: wire.Reply) -> str:
    client = Taking()
    reply.write(client)
    return b"".join(client.pieces).partition(b"\r\n\r\n")[0].decode()


def unchunked(body: bytes) -> tuple[bytes, bool]:
    """What a chunked body carries, and whether it has been ended."""
    data = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        count = int(size, 16)
        data, end, body = data + body[:count], body[count : count + 2], body[count + 2 :]
        assert end == b"\r\n"
        if count == 0:
            assert body == b""
            return data, True
    return data, False


def test_every_response_says_which_request_it_answers() -> None:
    assert "x-request-id: req_1\r\nx-gateway-id: req_1" in head_of(wire.reply(asked(), 200, b"{}"))
    assert "x-request-id: mine\r\nx-gateway-id: req_1" in head_of(wire.reply(asked(id="mine"), 200, b"{}"))
    assert "x-request-id: mine\r\nx-gateway-id: req_1" in head_of(wire.failure(asked(id="mine"), RateLimited()))
    assert b"x-request-id: mine\r\nx-gateway-id: req_1" in wire.head(asked(id="mine"), 200, "a/b", "", True)


@pytest.mark.parametrize("status", list(HTTPStatus))
def test_a_status_has_its_own_words(status: HTTPStatus) -> None:
    assert head_of(wire.reply(asked(), status, b"")).startswith(f"HTTP/1.1 {int(status)} {status.phrase}\r\n")


def test_a_head_has_no_body() -> None:
    client = Taking()
    wire.reply(asked(method="HEAD"), 200, b"four").write(client)

    assert b"content-length: 4\r\n" in client.pieces[0]
    assert client.body == b""


def test_an_answer_without_content_has_no_length() -> None:
    head = head_of(wire.reply(asked(), 204, b""))

    assert "content-length" not in head
    assert "content-type" not in head


@pytest.mark.parametrize("close", [False, True])
def test_a_response_says_when_it_is_the_last(close: bool) -> None:
    reply = wire.reply(asked(), 200, b"", close=close)

    assert ("connection: close" in head_of(reply), reply.keep_alive) == (close, not close)


def test_a_large_body_is_not_copied() -> None:
    client, body = Taking(), b"x" * 100_000
    wire.reply(asked(client), 200, body).write(client)

    assert client.pieces[1] is body


@given(st.text())
def test_no_header_value_ends_its_line(value: str) -> None:
    line = wire.headers({"x-name": value})

    assert line.endswith("\r\n")
    assert line[:-2].isprintable()


def test_nothing_is_no_chunk() -> None:
    assert wire.frame(b"") == b""


PIECES = st.lists(st.binary(max_size=20) | st.sampled_from([b"", b"x" * (wire.PIECE + 1), b"y" * 3 * wire.PIECE]))


@given(PIECES, st.binary(max_size=10))
async def test_a_stream_carries_what_was_sent_and_ends_once(pieces: list[bytes], last: bytes) -> None:
    client = Taking()
    stream = wire.Stream(asked(client), "text/event-stream", "")
    for piece in pieces:
        await stream.send(piece)
        assert not client.closed
    reply = stream.end(last)
    reply.write(client)

    assert unchunked(client.body) == (b"".join(pieces) + last, True)
    assert reply.keep_alive


@given(PIECES)
async def test_a_stream_that_is_cut_has_no_end(pieces: list[bytes]) -> None:
    client = Taking()
    stream = wire.Stream(asked(client), "text/event-stream", "")
    for piece in pieces:
        await stream.send(piece)
    reply = stream.cut(b"error")

    assert unchunked(client.body) == (b"".join(pieces) + b"error", False)
    assert client.closed
    assert not reply.keep_alive


async def test_a_stream_of_the_old_version_is_not_framed() -> None:
    client = Taking()
    stream = wire.Stream(asked(client, Old), "text/event-stream", "")
    await stream.send(b"one")
    stream.end(b"two")

    assert b"transfer-encoding" not in client.pieces[0]
    assert client.body == b"onetwo"


async def test_a_small_piece_is_one_write_with_the_head() -> None:
    client = Taking()
    stream = wire.Stream(asked(client), "text/event-stream", "")
    assert client.pieces == []
    await stream.send(b"one")

    assert len(client.pieces) == 1
    assert client.drains == 0


async def test_a_slow_client_is_waited_for_and_holds_one_piece_at_most() -> None:
    client = Taking(slow=True)
    stream = wire.Stream(asked(client), "text/event-stream", "")
    await stream.send(b"x" * 10 * wire.PIECE)

    assert client.drains == 11
    assert max(map(len, client.pieces)) < wire.PIECE + 500
