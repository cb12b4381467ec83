"""What only a whole gateway can show of the route: shutting down, many at once, and what the operator reads."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2 as httpx
import orjson

from tests.end_to_end.conftest import ask
from tests.end_to_end.gateway import Gateway
from tests.end_to_end.test_hang_up import never_ending, raw, until
from tests.end_to_end.upstream import CLOSE, HANG, STREAM_HEAD, Received, Upstream, delta, event, response

HOSTILE = "".join(chr(0x4E00 + number % 20_000) for number in range(0, 400_000, 7))


def test_500_resets_at_once_with_hostile_text_let_every_provider_go_within_seconds(
    gateway: Gateway, upstream: Upstream
) -> None:
    """Tokens are counted after the provider is left, not before."""

    async def hostile(_: Received) -> AsyncIterator[Any]:
        yield STREAM_HEAD
        yield event(delta(HOSTILE))
        yield HANG

    upstream.answer = hostile
    clients = [raw(gateway, orjson.dumps(ask(HOSTILE, stream=True, seed=number))) for number in range(500)]
    until(lambda: len(upstream.calls) == 500, 120)
    for client in clients:
        client.recv(1000)
    began = time.monotonic()

    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    until(lambda: upstream.hung_up == 500, 60)
    took = time.monotonic() - began
    with httpx.Client(base_url=gateway.url, timeout=10) as other:
        began = time.monotonic()
        other.get("/health/live").raise_for_status()

    assert took < 5
    assert time.monotonic() - began < 1, "counting leaves the loop to others"


def test_after_the_grace_open_calls_are_told_that_the_gateway_shuts_down(
    launch: Callable[..., Gateway], upstream: Upstream
) -> None:
    gateway = launch("server: {drain: 1}")
    upstream.answer = lambda request: never_ending(request) if request.json.get("stream") else silent(request)
    answers: dict[bool, httpx.Response | str] = {}

    def call(stream: bool) -> None:
        body = ask(f"stream: {stream}", stream=stream)
        if stream:
            text = ""
            try:
                with httpx.stream("POST", f"{gateway.url}/v1/chat/completions", json=body, timeout=60) as response:
                    for piece in response.iter_text():
                        text += piece
            except httpx.HTTPError:
                pass
            answers[stream] = text
        else:
            answers[stream] = httpx.post(f"{gateway.url}/v1/chat/completions", json=body, timeout=60)

    threads = [threading.Thread(target=call, args=(stream,)) for stream in (True, False)]
    for thread in threads:
        thread.start()
    until(lambda: len(upstream.calls) == 2)
    time.sleep(0.3)

    gateway.process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join()

    streamed, whole = answers[True], answers[False]
    assert isinstance(streamed, str)
    assert isinstance(whole, httpx.Response)
    last = streamed.strip().rpartition("data: ")[2]
    assert orjson.loads(last)["error"]["code"] == "shutting_down"
    assert (whole.status_code, whole.json()["error"]["code"]) == (503, "shutting_down")
    gateway.process.wait(60)
    found = [(row["outcome"], row["status"], row["error"], row["cost_source"]) for row in gateway.rows()]
    assert found == [("interrupted", 503, "shutting_down", "estimated")] * 2


async def silent(_: Received) -> AsyncIterator[Any]:
    yield HANG


def test_every_failure_of_a_provider_is_one_line_of_the_log(gateway: Gateway, upstream: Upstream) -> None:
    failures = {
        "401": response(401, b'{"error":{"message":"bad key sk-upstream-secret"}}'),
        "429": response(429, b'{"error":{"message":"slow down"}}'),
        "500 html": response(500, b"<html>oops</html>", **{"content-type": "text/html"}),
        "cut": b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{",
    }
    start = len(gateway.log())
    for number, failure in enumerate(failures.values()):

        async def answer(_: Received, failure: bytes = failure) -> AsyncIterator[Any]:
            yield failure
            yield CLOSE

        upstream.answer = answer
        httpx.post(f"{gateway.url}/v1/chat/completions", json=ask("a private matter", seed=number))

    lines = [line for line in gateway.log(start).splitlines() if "failed:" in line]
    ids = [row["id"] for row in gateway.rows()]
    assert len(lines) == len(ids) == len(failures)
    for line, id in zip(lines, ids, strict=True):
        assert id in line
        assert "gpt-4o-mini" in line
        assert "at openai" in line
    assert "private" not in gateway.log(start)
    assert "sk-upstream-secret" not in gateway.log(start)
