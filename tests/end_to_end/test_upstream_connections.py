"""Connections to providers, seen from outside: none is lost, wasted or left over, and what comes over them is bounded."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2 as httpx
import orjson
import pytest

from tests.end_to_end.conftest import ask
from tests.end_to_end.gateway import Gateway
from tests.end_to_end.test_hang_up import until
from tests.end_to_end.upstream import (
    END,
    RESET,
    STREAM_HEAD,
    Received,
    Upstream,
    delta,
    event,
    response,
    streamed,
    whole,
)

SECRET = "sk-upstream-secret"


@pytest.fixture
def upstream(shared_upstream: Upstream) -> Upstream:
    return shared_upstream.reset()


@pytest.fixture
def gateway(shared_gateway: Gateway, upstream: Upstream) -> Gateway:
    return shared_gateway


def post(http: httpx.Client, question: str, **fields: Any) -> httpx.Response:
    return http.post("/v1/chat/completions", json=ask(question, **fields))


@pytest.fixture
def http(gateway: Gateway) -> Any:
    with httpx.Client(base_url=gateway.url, timeout=30) as client:
        yield client


def test_a_provider_that_closes_after_each_answer_without_a_word_costs_no_call(
    gateway: Gateway, upstream: Upstream
) -> None:
    async def once(_: Received) -> AsyncIterator[Any]:
        async for step in whole("Hello there."):
            yield step
        yield RESET

    upstream.answer = once

    def caller(number: int) -> list[int]:
        with httpx.Client(base_url=gateway.url, timeout=30) as http:
            return [post(http, f"closing {number} {n}").status_code for n in range(50)]

    with ThreadPoolExecutor(4) as callers:
        statuses = [status for found in callers.map(caller, range(4)) for status in found]

    assert statuses == [200] * 200
    assert len(upstream.calls) == 200


def test_a_last_chunk_that_comes_late_costs_no_connection(http: httpx.Client, upstream: Upstream) -> None:
    async def late(_: Received) -> AsyncIterator[Any]:
        async for step in streamed("Hello there."):
            if step is END:
                yield 0.005
            yield step

    upstream.answer = late
    before = upstream.accepted

    for n in range(100):
        assert post(http, f"late {n}", stream=True).text.endswith("data: [DONE]\n\n")

    assert upstream.accepted - before <= 3


def test_idle_connections_are_closed_in_the_time_that_the_provider_names(gateway: Gateway, upstream: Upstream) -> None:
    async def named(_: Received) -> AsyncIterator[Any]:
        yield 0.2
        async for step in whole("Hello there."):
            yield step.replace(b"content-length", b"keep-alive: timeout=1\r\ncontent-length")

    upstream.answer = named
    with ThreadPoolExecutor(10) as callers, httpx.Client(base_url=gateway.url, timeout=30) as http:
        assert [found.status_code for found in callers.map(lambda n: post(http, f"idle {n}"), range(10))] == [200] * 10
    idle = upstream.open
    assert idle >= 5

    until(lambda: upstream.open <= idle - 5, 15)


def high_water(gateway: Gateway) -> int:
    """The most memory that the process has had, in bytes."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_inflates_beyond_reason_takes_no_memory(
    launch: Callable[..., Gateway], upstream: Upstream, stream: bool
) -> None:
    events = b"".join(b"data: " + orjson.dumps(delta("hello ")) + b"\n\n" for _ in range(6_000)) * 300
    packed = gzip.compress(events if stream else b" " * len(events), 9)
    assert len(events) > 250 * len(packed)

    async def bomb(_: Received) -> AsyncIterator[Any]:
        yield response(200, packed, content_encoding="gzip")

    upstream.answer = bomb
    gateway = launch()
    with httpx.Client(base_url=gateway.url, timeout=30) as http:
        before = high_water(gateway)
        if stream:
            with (
                pytest.raises(httpx.RemoteProtocolError),
                http.stream("POST", "/v1/chat/completions", json=ask("bomb", stream=True)) as answer,
            ):
                for _ in answer.iter_raw():
                    pass
        else:
            assert post(http, "bomb").json()["error"]["code"] == "upstream_invalid_response"

    assert high_water(gateway) - before < 96 << 20


@pytest.mark.parametrize("stream", [True, False])
def test_what_a_provider_says_of_an_error_is_bounded_and_without_its_key(
    gateway: Gateway, http: httpx.Client, upstream: Upstream, stream: bool
) -> None:
    said = {"message": f"{SECRET} " * 999, "code": f"{SECRET}{'x' * 3_000}", "type": [SECRET], "param": f"p {SECRET}"}

    async def refuses(_: Received) -> AsyncIterator[Any]:
        if stream:
            yield STREAM_HEAD + event({"error": said}) + END
        else:
            yield response(400, orjson.dumps({"error": said}), retry_after=SECRET)

    upstream.answer = refuses

    answer = post(http, f"too much {stream}", stream=stream)

    error = answer.json()["error"]
    assert SECRET not in answer.text + str(answer.headers)
    assert len(error["message"]) <= 2_000
    assert (error["type"], error["param"], len(error["code"])) == ("upstream_error", "p [key]", 64)
    (row,) = gateway.rows()
    assert row["error"] == error["code"]


def test_an_error_code_of_nine_megabytes_leaves_its_row(
    gateway: Gateway, http: httpx.Client, upstream: Upstream
) -> None:
    async def refuses(_: Received) -> AsyncIterator[Any]:
        yield STREAM_HEAD + event({"error": {"message": "no", "code": "x" * 9_000_000}}) + END

    upstream.answer = refuses

    answer = post(http, "nine megabytes", stream=True)

    code = "x" * 63 + "…"
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, code)
    assert [row["error"] for row in gateway.rows()] == [code]
