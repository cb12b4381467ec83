"""One request as it came in."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from gateway.api.formats.chat import Chat
from gateway.chat.call import HOPS_HEADER, READ_IN_PLACE, Call
from gateway.errors import InvalidRequest
from gateway.native import Canon, Reading


async def unread() -> bytes:
    raise AssertionError("the body is read by who has judged the caller")


def never(body: bytes) -> Reading:
    raise AssertionError("there is no body yet")


async def test_a_call_reads_nothing_by_itself() -> None:
    call = Call("req_1", "mine", Chat(), "sk-gw-x-y", "no-cache", unread, never)

    assert (call.id, call.request_id, call.format.name, call.hops) == ("req_1", "mine", "chat", 0)
    with pytest.raises(AssertionError):
        await call.body()


def test_the_header_between_gateways_is_ours() -> None:
    assert HOPS_HEADER.startswith("x-gateway-")


@pytest.mark.parametrize("beside", [False, True])
async def test_the_loop_does_not_wait_for_a_long_body_to_be_read(beside: bool) -> None:
    body = b'{"model":"m","messages":[' + b'{"role":"user","content":"a"},' * (10_000 if beside else 10) + b"]}"
    body = body.replace(b",]", b"]")
    assert (len(body) > READ_IN_PLACE) is beside
    threads = []

    async def sent() -> bytes:
        return body

    def read(body: bytes) -> Reading:
        threads.append(threading.get_ident())
        return Chat().read(Canon(b"secret"), body)

    request = await Call("req_1", "mine", Chat(), "", "", sent, read).request()

    assert request.body is body
    assert (threads[0] != threading.get_ident()) is beside


async def test_what_is_wrong_with_a_long_body_is_told_as_of_a_short_one() -> None:
    async def sent() -> bytes:
        return b'{"model":"m","messages":[' + b"{}," * READ_IN_PLACE + b"{}]}"

    with pytest.raises(InvalidRequest, match=r"messages\[0\]\.role"):
        await Call("req_1", "mine", Chat(), "", "", sent, partial(Chat().read, Canon(b"secret"))).request()
