"""Where every request passes."""

from __future__ import annotations

import asyncio

import pytest

from gateway.api.guests import Guests
from gateway.policy.keys import Keyring
from tests.api.notes import Served, chunked, get, post, turns


async def test_whatever_goes_wrong_is_an_error_that_names_the_request(caplog: pytest.LogCaptureFixture) -> None:
    for path, status in (("/refusing", 400), ("/broken", 500), ("/nowhere", 404)):
        served = Served()
        served.transport.feed(get(path, "x-request-id: mine\r\n"))

        assert served.transport.statuses == [status]
        assert served.transport.header("content-type") == "application/json"
        assert served.transport.header("x-request-id") == "mine"
        assert (served.transport.header("x-gateway-id") or "").startswith("req_")
        await served.over()
    assert len(caplog.records) == 1


async def test_requests_have_ids_of_their_own() -> None:
    served = Served(prefix="0123456789abcdef")

    assert [served.server.new_id() for _ in range(2)] == [
        "req_0123456789abcdef000000000001",
        "req_0123456789abcdef000000000002",
    ]
    await served.over()


async def test_head_is_answered_where_get_is() -> None:
    served = Served()
    served.transport.feed(get("/now").replace(b"GET", b"HEAD"))

    assert served.transport.statuses == [200]
    assert served.transport.written.endswith(b"\r\n\r\n")
    assert served.transport.header("content-length") == "2"
    await served.over()


@pytest.mark.parametrize(("target", "status"), [("/now", 204), ("/nowhere", 404)])
async def test_options_says_what_a_path_answers(target: str, status: int) -> None:
    served = Served()
    served.transport.feed(get(target).replace(b"GET", b"OPTIONS"))

    assert served.transport.statuses == [status]
    await served.over()


async def test_options_of_everything() -> None:
    served = Served()
    served.transport.feed(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
    await turns()

    assert served.transport.statuses == [204]
    await served.over()


@pytest.mark.parametrize("sent", [post("/v1/body"), chunked("/v1/body")], ids=["plain", "chunked"])
async def test_while_draining_calls_are_refused_and_connections_end(sent: bytes) -> None:
    served = Served()
    served.transport.feed(sent)
    await turns()
    assert served.transport.header("connection") is None
    served.transport.written = b""

    served.server.draining = True
    served.transport.feed(sent)
    for _ in range(3):
        await turns()

    assert served.transport.statuses == [503]
    assert b'"code":"shutting_down"' in served.transport.written
    assert served.transport.header("connection") == "close"
    assert served.transport.header("retry-after") == "1"
    assert served.transport.closed
    await served.over()


async def test_while_draining_pages_are_answered_for_the_last_time() -> None:
    served = Served()
    served.server.draining = True
    served.transport.feed(get("/now"))

    assert served.transport.statuses == [200]
    assert served.transport.header("connection") == "close"
    await served.over()


async def test_it_is_idle_when_the_last_answer_is_made() -> None:
    served = Served()
    served.transport.feed(get("/later"))
    waiting = asyncio.create_task(served.server.idle())
    await turns()
    assert served.server.busy == 1
    assert not waiting.done()

    served.later.go.set()
    await waiting
    assert served.server.busy == 0
    await served.over()


async def test_a_shutdown_ends_what_is_open() -> None:
    served = Served()
    served.transport.feed(get("/later"))
    await turns()

    await served.server.shutdown(0.01)

    assert served.later.waiting == 0
    assert served.transport.closed
    await served.over()


async def test_guests_are_asked_where_they_come_from() -> None:
    served = Served(guests=Guests(Keyring(anonymous=True)))
    served.transport.feed(get("/now").replace(b"Host: a", b"Host: localhost") + get("/now") + get("/now"))

    assert served.transport.statuses == [200, 403, 403]
    assert b"foreign_host" in served.transport.written
    await served.over()
