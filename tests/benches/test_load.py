"""The load bench itself: a mock that errs, or a report that flatters, would make every figure worthless."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from benches.load import answers, report
from benches.load.bodies import body
from benches.load.cases import CASES, Latency, Run
from benches.load.mock import Provider
from benches.load.report import Pair, Results

Asked = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    """A connection to the mock."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Provider(loop), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    yield reader, writer
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()


def post(text: str) -> bytes:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(text)}\r\n\r\n"
    return (head + text).encode()


async def whole(reader: asyncio.StreamReader) -> dict[str, object]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    answer: dict[str, object] = orjson.loads(await reader.readexactly(length))
    return answer


async def stream(reader: asyncio.StreamReader) -> list[bytes]:
    await reader.readuntil(b"\r\n\r\n")
    events = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        events.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return events


async def test_answers_are_the_same_however_requests_are_split(asked: Asked) -> None:
    reader, writer = asked
    requests = (
        post(body(unique=True)) + b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n" + post(body(unique=False))
    )
    for at in range(0, len(requests), 7):
        writer.write(requests[at : at + 7])
        await writer.drain()
    kinds = [(await whole(reader))["object"] for _ in range(3)]
    assert kinds == ["chat.completion", "list", "chat.completion"]


@pytest.mark.parametrize("paced", [False, True])
async def test_a_stream_is_64_events_and_keeps_its_place_in_the_pipeline(asked: Asked, paced: bool) -> None:
    reader, writer = asked
    streamed = post(body(unique=True, streamed=True, paced=paced))
    writer.write(streamed + post(body(unique=False)) + streamed)
    for following in (True, False):
        events = await stream(reader)
        assert events == answers.events(include_usage=False)
        assert sum(b'"delta":' in event for event in events) == answers.EVENTS
        if following:
            assert (await whole(reader))["object"] == "chat.completion"


async def test_usage_comes_when_asked_for(asked: Asked) -> None:
    reader, writer = asked
    writer.write(post('{"stream": true, "stream_options": {"include_usage": true}}'))
    *_, usage, done = await stream(reader)
    assert orjson.loads(usage.removeprefix(b"data: "))["usage"]["total_tokens"] == 213
    assert done == b"data: [DONE]\n\n"


def results(ours: float, theirs: float) -> Results:
    """Two equal rounds: `ours` and `theirs` are CPU microseconds per call, and rates follow from them."""
    run = {cpu: Run(rate=1e6 / cpu, cpu_us=cpu, idle=0.0) for cpu in (ours, theirs)}
    pair = Pair([run[ours]] * 2, [run[theirs]] * 2)
    latencies = Pair([Latency(ours, ours * 3)] * 2, [Latency(theirs, theirs * 3)] * 2)
    return Results({case.name: pair for case in CASES}, {"hit_latency": latencies}, {"answers": 60_000})


def test_ratios_above_one_mean_that_we_are_better() -> None:
    written = orjson.loads(report.as_json(results(ours=50, theirs=100)))
    spread = {"min": 2.0, "median": 2.0, "max": 2.0}
    assert written["ratios"] == {case.name: spread for case in CASES}
    assert set(written["cpu_ratios"]) == {case.name for case in CASES}
    assert written["latency_ratios"] == {"hit_latency": spread}
    assert written["below_target"] == []


def test_a_row_under_its_target_is_named() -> None:
    slow = results(ours=100, theirs=75)
    assert [row.case for row in report.rows(slow) if row.note == "below target"] == [
        "exact_hit",
        "stream_burst",
    ]
    assert orjson.loads(report.as_json(slow))["below_target"] == ["exact_hit", "stream_burst"]
