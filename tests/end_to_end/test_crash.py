"""Departures: SIGTERM lets open calls finish, and a store that fails costs nobody a call."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2 as httpx
import orjson
import pytest

from tests.end_to_end.books import INPUT, OUTPUT
from tests.end_to_end.conftest import ask
from tests.end_to_end.gateway import Gateway
from tests.end_to_end.test_hang_up import raw, until
from tests.end_to_end.upstream import HANG, STREAM_HEAD, Received, Upstream, completion, delta, event


@pytest.fixture
def paced(upstream: Upstream) -> threading.Event:
    """Streams half an answer, and the rest once the event is set."""
    go_on = threading.Event()

    async def play(_: Received) -> AsyncIterator[Any]:
        yield STREAM_HEAD
        yield event(delta("Half an ans"))
        while not go_on.is_set():
            yield 0.01
        yield event(delta("wer.", finish="stop"))
        yield event(b"[DONE]")
        yield b"0\r\n\r\n"

    upstream.answer = play
    return go_on


@contextmanager
def half_read(gateway: Gateway) -> Iterator[socket.socket]:
    """A streamed call of which half has been read."""
    with raw(gateway, orjson.dumps(ask(stream=True))) as client:
        client.settimeout(20)
        data = b""
        while b"Half an ans" not in data:
            data += client.recv(65536)
        yield client


def rest(client: socket.socket) -> bytes:
    data = b""
    while read := client.recv(65536):
        data += read
        if data.endswith(b"0\r\n\r\n"):
            break
    return data


def address(gateway: Gateway) -> tuple[str, int]:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    return host, int(port)


def refused(gateway: Gateway) -> bool:
    try:
        socket.create_connection(address(gateway)).close()
    except (ConnectionRefusedError, ConnectionResetError):  # reset: it was in the backlog when the listener closed
        return True
    return False


def test_sigterm_lets_an_open_stream_finish_and_refuses_new_connections(
    gateway: Gateway, paced: threading.Event
) -> None:
    with half_read(gateway) as client:
        gateway.process.send_signal(signal.SIGTERM)
        until(lambda: refused(gateway))

        paced.set()

        assert rest(client).endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    assert gateway.process.wait(20) == 0
    assert [row["outcome"] for row in gateway.rows()] == ["ok"]


def test_sigterm_lets_a_slow_reader_have_the_rest(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer = completion("x" * 12_000_000)
    with raw(gateway, orjson.dumps(ask())) as client:
        client.settimeout(20)
        data = client.recv(1000)
        gateway.process.send_signal(signal.SIGTERM)
        until(lambda: refused(gateway))
        time.sleep(1.5)  # longer than what is open is given when the time to drain is over

        while read := client.recv(1 << 20):
            data += read

    head, _, body = data.partition(b"\r\n\r\n")
    assert b"content-length: %d\r\n" % len(body) in head + b"\r\n"
    assert gateway.process.wait(20) == 0


def test_sigterm_makes_readiness_false_at_once_and_refuses_calls_on_old_connections(
    gateway: Gateway, client: httpx.Client, paced: threading.Event
) -> None:
    with httpx.Client(base_url=gateway.url) as probe, half_read(gateway):
        assert [each.get("/health/ready").status_code for each in (probe, client)] == [200, 200]
        gateway.process.send_signal(signal.SIGTERM)
        until(lambda: refused(gateway))

        ready, call = probe.get("/health/ready"), client.post("/v1/chat/completions", json=ask())

        assert (ready.status_code, ready.json()["reasons"]) == (503, {"server": "draining"})
        assert (call.status_code, call.json()["error"]["code"]) == (503, "shutting_down")
        assert ready.headers["connection"] == call.headers["connection"] == "close"
        paced.set()


def test_past_the_drain_limit_a_stream_is_cut_off_and_on_the_books(
    launch: Callable[..., Gateway], paced: threading.Event
) -> None:
    gateway = launch("server: {drain: 0.3}\n")
    with half_read(gateway) as client:
        status = gateway.stop()

        data = rest(client)

    assert status == 0
    assert not data.endswith(b"0\r\n\r\n"), "a cut stream must not look complete"
    assert b"[DONE]" not in data
    (row,) = gateway.rows()
    assert (row["outcome"], row["status"], row["error"], row["partial"]) == ("interrupted", 503, "shutting_down", 1)
    assert row["output_tokens"] > 0
    assert row["cost_pico"] == row["input_tokens"] * INPUT + row["output_tokens"] * OUTPUT, "what it cost up to then"


def test_past_the_drain_limit_a_call_whose_body_is_still_coming_has_not_hung_up(
    launch: Callable[..., Gateway],
) -> None:
    gateway = launch("server: {drain: 0.3}\n")
    with socket.create_connection(address(gateway)) as client:
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 200000\r\n\r\n")
        client.sendall(b" " * 100_000)
        time.sleep(0.3)
        assert gateway.stop() == 0

    assert [(row["outcome"], row["attempts"], row["cost_pico"]) for row in gateway.rows()] == [("interrupted", 0, 0)]


def test_a_second_gateway_on_the_same_data_directory_is_refused(gateway: Gateway) -> None:
    command = [sys.executable, "-m", "gateway", "serve", "--port", "0"]

    second = subprocess.run(command, env=gateway.environ, capture_output=True, text=True, timeout=30, check=False)

    assert second.returncode == 1
    assert second.stderr.startswith(f"Another gateway is using {gateway.data_dir}.")
    assert "GATEWAY_DATA_DIR" in second.stderr
    assert "Traceback" not in second.stderr


def ready(gateway: Gateway) -> dict[str, Any]:
    return dict(httpx.get(f"{gateway.url}/health/ready").json())


def test_a_locked_store_hurts_no_call_and_gets_its_rows_once_it_is_free(gateway: Gateway, client: httpx.Client) -> None:
    locker = sqlite3.connect(gateway.data_dir / "ledger.db", isolation_level=None)
    locker.execute("BEGIN EXCLUSIVE")

    answers = [client.post("/v1/chat/completions", json=ask(f"Question {n}"), timeout=4) for n in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    until(lambda: "ledger" in ready(gateway).get("reasons", {}))
    locker.execute("COMMIT")
    locker.close()

    until(lambda: ready(gateway) == {"status": "ready"})
    assert [row["id"] for row in gateway.rows()] == [answer.headers["x-request-id"] for answer in answers]


def test_rows_that_a_failing_store_refused_survive_a_kill(gateway: Gateway, client: httpx.Client) -> None:
    locker = sqlite3.connect(gateway.data_dir / "ledger.db", isolation_level=None)
    locker.execute("BEGIN EXCLUSIVE")
    answer = client.post("/v1/chat/completions", json=ask())
    gateway.kill()
    locker.execute("COMMIT")
    locker.close()

    gateway.start()

    assert [(row["id"], row["outcome"]) for row in gateway.rows()] == [(answer.headers["x-request-id"], "ok")]


def test_absurd_figures_do_not_hold_the_ledger_up(gateway: Gateway, upstream: Upstream, client: httpx.Client) -> None:
    most = 2**64 - 1
    absurd = {"prompt_tokens": most, "completion_tokens": 10**15, "total_tokens": most, "cost": 1e300}
    upstream.answer = completion("Much.", usage=absurd)

    statuses = [client.post("/v1/chat/completions", json=ask(max_tokens=2**53, n=n)).status_code for n in (1, 128)]
    gateway.kill()
    gateway.start()

    assert statuses == [200, 200]
    assert [row["outcome"] for row in gateway.rows()] == ["ok", "partial"], "one choice of 128 came"


def test_a_store_that_cannot_be_opened_is_a_clear_message(gateway: Gateway) -> None:
    gateway.stop()
    (gateway.data_dir / "ledger.db").write_bytes(b"This is not a database." * 100)

    with pytest.raises(RuntimeError, match=r"ledger\.db") as failure:
        gateway.start()

    assert gateway.process.returncode == 1
    assert "Traceback" not in str(failure.value)


def test_a_stream_that_hangs_while_the_gateway_drains_does_not_keep_it(
    launch: Callable[..., Gateway], upstream: Upstream
) -> None:
    async def hang(_: Received) -> AsyncIterator[Any]:
        yield HANG

    upstream.answer = hang
    gateway = launch("server: {drain: 0.2}\n")
    with raw(gateway, orjson.dumps(ask())):
        until(lambda: upstream.calls)

        assert gateway.stop() == 0

    assert [(row["attempts"], row["outcome"]) for row in gateway.rows()] == [(1, "interrupted")]
    until(lambda: upstream.hung_up == 1)
