"""Calls: one request in, one body or one event stream out."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from gateway.api.calls import Calls
from gateway.api.formats.chat import Chat
from gateway.api.request import Request, ServerOptions
from gateway.errors import RequestLoop, UpstreamInterrupted
from tests.api.test_wire import Taking, unchunked
from tests.scripted import SECRET, STREAM, Route, Script, delta, whole

ASK = {"model": "gpt", "messages": [{"role": "user", "content": "Hi"}]}


class Posted(Request):
    """A chat call."""

    __slots__ = ("_sent",)

    def __init__(self, client: Taking, headers: dict[str, str], **fields: Any) -> None:
        found = {"authorization": f"Bearer {SECRET}", **headers}
        super().__init__("req_1", client, "POST", "/v1/chat/completions", lambda name: found.get(name, ""))
        self._sent = orjson.dumps({**ASK, **fields})

    async def body(self, options: ServerOptions) -> bytes:
        return self._sent


async def answered(
    route: Route, headers: dict[str, str] | None = None, **fields: Any
) -> tuple[bytes, bytes, Posted, Taking]:
    """The head and the body of the answer, and what became of the request."""
    client = Taking()
    request = Posted(client, headers or {}, **fields)
    reply = await Calls(Chat(), route.canon, route.pipeline, ServerOptions()).answer(request)
    reply.write(client)
    await route.flights.settled()
    head, _, body = b"".join(client.pieces).partition(b"\r\n\r\n")
    return head, body, request, client


async def test_a_whole_answer_is_one_body_with_its_provenance() -> None:
    head, body, request, _ = await answered(Route(Script(whole())), {"x-request-id": "mine"})

    assert head.startswith(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: mine\r\nx-gateway-id: req_1"
    )
    assert b"x-gateway-cache: miss\r\nx-gateway-provider: one" in head
    assert body == whole()
    assert request.caller == "k"


async def test_a_stream_is_told_as_it_comes_and_ended() -> None:
    head, body, _, _ = await answered(Route(Script(*STREAM)), stream=True)

    assert b"content-type: text/event-stream" in head
    assert b"cache-control: no-cache\r\nx-accel-buffering: no\r\n" in head
    events, ended = unchunked(body)
    assert ended
    assert events.startswith(STREAM[0])
    assert events.endswith(b"data: [DONE]\n\n")


async def test_a_stream_that_breaks_is_told_so_and_not_ended() -> None:
    route = Route(Script(delta("one"), UpstreamInterrupted("It broke.")))
    _, body, _, client = await answered(route, stream=True)

    events, ended = unchunked(body)
    assert not ended
    assert orjson.loads(events.split(b"data: ")[-1])["error"]["message"] == "It broke."
    assert client.closed


@pytest.mark.parametrize("stream", [True, False])
async def test_a_failure_before_the_first_content_has_a_status_of_its_own(stream: bool) -> None:
    head, body, _, client = await answered(Route(UpstreamInterrupted("It broke.")), stream=stream)

    assert head.startswith(b"HTTP/1.1 502 Bad Gateway")
    assert b"x-request-id: req_1" in head
    assert orjson.loads(body)["error"]["code"] == "upstream_interrupted"
    assert not client.closed


async def test_a_call_that_went_round_is_refused_before_it_is_a_call() -> None:
    route = Route()
    with pytest.raises(RequestLoop):
        await answered(route, {"x-gateway-hops": "3"})

    assert route.book.journal == []


async def test_a_client_that_leaves_is_a_hang_up_on_the_books() -> None:
    route = Route(Script(delta("one"), asyncio.Event()))
    leaving = asyncio.create_task(answered(route, stream=True))
    await asyncio.sleep(0.01)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await route.flights.settled()

    assert route.row.outcome == "hung_up"
