"""A request as endpoints see it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import native
from gateway.api.request import LONGEST_ID, ServerOptions, Whole, unusable
from gateway.errors import PayloadTooLarge
from tests.api.notes import Served, get, post


async def read(sent: bytes) -> Whole:
    served = Served()
    found = native.Request.read(sent)
    assert found is not None
    await served.over()
    return Whole("req_1", served.transport.protocol, found)


async def test_a_whole_request_has_everything_at_once() -> None:
    request = await read(post("/a/b?c=d", b"body", "X-Name: value\r\n"))

    assert (request.method, request.target, request.path) == ("POST", "/a/b?c=d", "/a/b")
    assert (request.header("x-name"), request.header("x-other")) == ("value", "")
    assert await request.body(ServerOptions()) == b"body"
    assert (request.keep_alive, request.chunked, request.unread) == (True, True, False)


async def test_a_body_over_the_limit_is_refused() -> None:
    request = await read(post("/", b"12345"))

    with pytest.raises(PayloadTooLarge, match=r"larger than 4 bytes \(server.max_body\)"):
        await request.body(ServerOptions(max_body=4))


@pytest.mark.parametrize("sent", ["mine", "a" * LONGEST_ID, "trace:1/2+3"])
async def test_a_clients_own_id_is_told_back(sent: str) -> None:
    request = await read(get("/", f"x-request-id: {sent}\r\n"))

    assert (request.id, request.request_id) == ("req_1", sent)


@pytest.mark.parametrize("sent", ["", "a" * (LONGEST_ID + 1), "two words", "tab\there"])
async def test_an_id_that_cannot_be_told_back_is_not(sent: str) -> None:
    request = await read(get("/", f"x-request-id: {sent}\r\n"))

    assert request.request_id == "req_1"


@given(st.text())
def test_an_id_that_is_told_back_cannot_break_a_header(id: str) -> None:
    if not unusable(id):
        assert all("!" <= character <= "~" for character in id)
        assert len(id) <= LONGEST_ID
