"""`native.Request` against httptools: whatever it reads, llhttp reads in the same way."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.native import IrregularRequest, Request

PLAIN = b"POST /v1?a=1 HTTP/1.1\r\nHost: a\r\nX-Name:  a b\t\r\nContent-Length: 5\r\n\r\nHello"


class Collected:
    """What llhttp reads of one request."""

    def __init__(self, data: bytes) -> None:
        self.target = self.body = b""
        self.headers: dict[str, str] = {}
        self.complete = self.keep_alive = False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode().rstrip(" \t")

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True
        # Asked here: once the request is over, llhttp forgets what it said of the connection.
        self.keep_alive = self.parser.should_keep_alive()


def test_a_request_is_read() -> None:
    request = Request.read(PLAIN + b"GET")

    assert request is not None
    assert (request.method, request.target, request.body, request.size) == ("POST", "/v1?a=1", b"Hello", len(PLAIN))
    assert (request.header("x-NAME"), request.header("x-nam"), request.header("")) == ("a b", "", "")


def test_an_unfinished_one_is_none_and_an_irregular_one_an_error() -> None:
    assert Request.read(PLAIN[:-1]) is None
    assert Request.read(b"") is None
    with pytest.raises(IrregularRequest, match="complete parser"):
        Request.read(PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"))


LINES = (
    b"Connection: close", b"Connection: Close", b"Connection: keep-alive", b"Connection: close, te",
    b"Connection: keep-alive, close", b"Connection: upgrade", b"connection:close", b"Connection:",
    b"Proxy-Connection: close", b"Keep-Alive: timeout=5", b"TE: trailers", b"Upgrade: websocket",
    b"Expect: 100-continue", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity",
    b"Host: a", b"Host: b", b"Content-Length: 5", b"Content-Length: 6", b"Content-Length: 005", b"Content-Length: 5, 5",
)  # fmt: skip


def headed() -> st.SearchStrategy[bytes]:
    """A plain request with some header lines more, anywhere among its own."""

    def put(lines: list[tuple[int, bytes]]) -> bytes:
        start, *own = PLAIN.split(b"\r\n\r\n")[0].split(b"\r\n")
        for at, line in lines:
            own.insert(at, line)
        return b"\r\n".join([start, *own, b"", b"Hello"])

    return st.lists(st.tuples(st.integers(0, 3), st.sampled_from(LINES)), max_size=3).map(put)


def damaged() -> st.SearchStrategy[bytes]:
    """Such a request with a few bytes put in, taken out or changed, or none."""
    odd = st.sampled_from([b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"\0", b"\x7f", b"\xe9", b",", b"0", b"5", b"a"])
    edit = st.tuples(st.integers(0, len(PLAIN)), st.integers(0, 2), odd | st.just(b""))

    def apply(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
        for at, width, new in edits:
            data = data[:at] + new + data[at + width :]
        return data

    return st.builds(apply, headed(), st.lists(edit, max_size=3))


@settings(max_examples=2_000, deadline=None)
@given(damaged())
def test_what_is_read_is_what_llhttp_reads(data: bytes) -> None:
    try:
        request = Request.read(data)
    except IrregularRequest:
        return
    if request is None:
        return
    oracle = Collected(data[: request.size])

    assert oracle.complete
    assert (request.method.encode(), request.target.encode()) == (oracle.parser.get_method(), oracle.target)
    assert request.body == oracle.body
    assert request.keep_alive == oracle.keep_alive
    for name, value in oracle.headers.items():
        assert request.header(name) == value
