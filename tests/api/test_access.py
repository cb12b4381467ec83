"""The access log."""

from __future__ import annotations

import itertools
from typing import Any

import orjson

from gateway.api import wire
from gateway.api.access import LONGEST_PATH, AccessLog
from gateway.api.request import Request
from tests.api.notes import Served, chunked, get, turns


def logging() -> tuple[Served, list[dict[str, Any]]]:
    lines: list[dict[str, Any]] = []
    ticks = itertools.count(step=5_000_000)
    return Served(access=AccessLog(lambda line: lines.append(orjson.loads(line)), lambda: next(ticks))), lines


async def test_a_request_is_a_line() -> None:
    served, lines = logging()
    served.transport.feed(get("/now?secret=1", "x-request-id: mine\r\n"))

    (line,) = lines
    assert line.pop("id").startswith("req_")
    assert line == {
        "request_id": "mine",
        "key": None,
        "method": "GET",
        "path": "/now",
        "status": 200,
        "us": 5_000,
        "bytes": len(served.transport.written),
    }
    await served.over()


async def test_errors_are_lines_too() -> None:
    served, lines = logging()
    served.transport.feed(get("/refusing") + get("/nowhere/" + "x" * 1_000) + chunked("/v1/body") + get("/broken"))
    for _ in range(5):
        await turns()

    assert [line["status"] for line in lines] == [400, 404, 200, 500]
    assert len(lines[1]["path"]) == LONGEST_PATH
    await served.over()


async def test_a_client_that_left_is_a_499() -> None:
    served, lines = logging()
    served.transport.feed(get("/later"))
    await turns()
    await served.over()

    assert [(line["status"], line["bytes"]) for line in lines] == [(499, 0)]


async def test_a_stream_is_counted_as_it_goes_and_its_caller_is_named() -> None:
    served, lines = logging()

    async def streaming(request: Request) -> wire.Reply:
        request.caller = "abc"
        stream = wire.Stream(request, "text/event-stream", "")
        await stream.send(b"one")
        await turns()
        return stream.end(b"two")

    served.server._routes._table["/now"] = {"GET": streaming}
    served.transport.feed(get("/now"))
    for _ in range(5):
        await turns()

    assert [(line["status"], line["bytes"], line["key"]) for line in lines] == [
        (200, len(served.transport.written), "abc")
    ]
    await served.over()


async def test_it_is_off_by_default() -> None:
    served = Served()
    assert served.server.serve == served.server._serve
    await served.over()
