"""A client that goes away: the provider is let go, and what was used is on the books."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2 as httpx
import orjson
import pytest

from tests.end_to_end.conftest import ask
from tests.end_to_end.gateway import Gateway
from tests.end_to_end.upstream import HANG, STREAM_HEAD, Received, Upstream, delta, event, streamed


def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Waits for what must come; on a busy machine it may take its time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def within_a_second(gateway: Gateway, condition: Callable[[], Any]) -> None:
    """Waits for 90 answers of the gateway, 10 ms apart: a second at most of a gateway that has the machine to itself, and on a
    busy one as much longer as everything else takes there."""
    with httpx.Client(base_url=gateway.url, timeout=30) as other:
        for _ in range(90):
            if condition():
                return
            time.sleep(0.01)
            other.get("/health/live").raise_for_status()
    raise AssertionError("it did not come to pass within a second")


@pytest.fixture
def upstream(shared_upstream: Upstream) -> Upstream:
    return shared_upstream.reset()


@pytest.fixture
def gateway(shared_gateway: Gateway, upstream: Upstream) -> Gateway:
    return shared_gateway


async def never_ending(_: Received) -> AsyncIterator[Any]:
    yield STREAM_HEAD
    yield event(delta("", role="assistant"))
    yield event(delta("one two three four five"))
    yield HANG


def test_a_hang_up_in_mid_stream_closes_the_upstream_connection_and_books_the_cost_so_far(
    gateway: Gateway, upstream: Upstream, client: httpx.Client
) -> None:
    upstream.answer = never_ending

    with client.stream("POST", "/v1/chat/completions", json=ask(stream=True)) as response:
        assert "one two three" in next(chunk for chunk in response.iter_text() if "one" in chunk)

    within_a_second(gateway, lambda: upstream.hung_up == 1)
    until(gateway.rows)
    (row,) = gateway.rows()
    assert (row["outcome"], row["partial"], row["cost_source"]) == ("hung_up", 1, "estimated")
    assert row["output_tokens"] == 5
    assert row["input_tokens"] == 8
    assert row["cost_pico"] == 8 * 150_000 + 5 * 600_000


def test_a_hang_up_before_the_first_content_is_noticed_too(gateway: Gateway, upstream: Upstream) -> None:
    async def silent(_: Received) -> AsyncIterator[Any]:
        yield STREAM_HEAD
        yield HANG

    upstream.answer = silent
    client = raw(gateway, orjson.dumps(ask(stream=True)))
    until(lambda: upstream.calls)

    client.close()

    within_a_second(gateway, lambda: upstream.hung_up == 1)
    (row,) = gateway.rows()
    assert (row["outcome"], row["status"], row["partial"]) == ("hung_up", 499, 1)


def test_a_hang_up_on_a_whole_answer_cancels_it(gateway: Gateway, upstream: Upstream) -> None:
    async def slow(_: Received) -> AsyncIterator[Any]:
        yield HANG

    upstream.answer = slow
    client = raw(gateway, orjson.dumps(ask()))
    until(lambda: upstream.calls)

    client.close()

    within_a_second(gateway, lambda: upstream.hung_up == 1)
    (row,) = gateway.rows()
    assert (row["outcome"], row["output_tokens"], row["cost_source"]) == ("hung_up", 0, "estimated")
    assert row["cost_pico"] == row["input_tokens"] * 150_000 > 0, (
        "the provider is at work, so what it was asked is paid for"
    )


def test_500_clients_that_reset_leave_no_upstream_call_behind(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer = never_ending
    clients = [raw(gateway, orjson.dumps(ask(stream=True, seed=n))) for n in range(500)]
    until(lambda: len(upstream.calls) == 500, 60)

    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()

    until(lambda: upstream.hung_up == 500)
    assert [row["outcome"] for row in gateway.rows()] == ["hung_up"] * 500


def test_provider_usage_settles_a_stream_whose_client_left_after_it(gateway: Gateway, upstream: Upstream) -> None:
    async def usage_then_hang(_: Received) -> AsyncIterator[Any]:
        yield STREAM_HEAD
        usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
        yield event(delta("text"))
        yield event({**delta(usage=usage), "choices": []})
        yield event(delta(" after it"))
        yield HANG

    upstream.answer = usage_then_hang
    with httpx.stream("POST", f"{gateway.url}/v1/chat/completions", json=ask(stream=True)) as response:
        assert any("after it" in line for line in response.iter_lines())
    until(lambda: upstream.hung_up == 1)

    (row,) = gateway.rows()
    assert (row["input_tokens"], row["output_tokens"], row["cost_source"]) == (1000, 100, "catalogue")


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_stays_sees_the_end(gateway: Gateway, upstream: Upstream, stream: bool) -> None:
    upstream.answer = lambda request: streamed("a b c", pause=0.05) if stream else upstream_whole()

    text = httpx.post(f"{gateway.url}/v1/chat/completions", json=ask(f"stay {stream}", stream=stream)).text

    assert text.endswith("data: [DONE]\n\n") == stream
    assert [row["outcome"] for row in gateway.rows()] == ["ok"]


def upstream_whole() -> AsyncIterator[Any]:
    from tests.end_to_end.upstream import whole

    return whole("a b c")


def raw(gateway: Gateway, body: bytes) -> socket.socket:
    """Sends a call on a socket of its own and reads nothing."""
    host, port = gateway.url.removeprefix("http://").split(":")
    client = socket.create_connection((host, int(port)))
    client.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    )
    return client
