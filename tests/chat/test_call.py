"""One request as it came in."""

from __future__ import annotations

import pytest

from gateway.api.formats.chat import Chat
from gateway.chat.call import HOPS_HEADER, Call
from gateway.native import Reading


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
