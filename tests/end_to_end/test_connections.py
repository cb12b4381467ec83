"""What a connection carries, however its bytes are cut, and how long it is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

import orjson
import pytest

from tests.end_to_end.conftest import ask
from tests.end_to_end.gateway import Gateway
from tests.end_to_end.upstream import Upstream
from tests.end_to_end.wire import Wire

QUICK = "server: {header_timeout: 0.5, body_timeout: 0.3, keepalive: 4}\n"


@pytest.fixture
def upstream(shared_upstream: Upstream) -> Upstream:
    return shared_upstream.reset()


@pytest.fixture
def gateway(shared_gateway: Gateway, upstream: Upstream) -> Gateway:
    return shared_gateway


@pytest.fixture
def quick(shared: Callable[..., Gateway]) -> Gateway:
    return shared(QUICK)


def request(content: str, lines: str = "") -> bytes:
    body = orjson.dumps(ask(content))
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
    return head.encode() + body


def chunked(content: str) -> bytes:
    body = orjson.dumps(ask(content))
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def caches(wire: Wire, answers: int) -> list[str]:
    return [wire.answer().headers["x-gateway-cache"] for _ in range(answers)]


def test_a_request_in_pieces(gateway: Gateway) -> None:
    sent = request("in pieces")
    with Wire(gateway) as wire:
        for start in range(0, len(sent), 7):
            wire.write(sent[start : start + 7])
            time.sleep(0.001)
        assert caches(wire, 1) == ["miss"]
        wire.write(sent)
        assert caches(wire, 1) == ["hit"]


@pytest.mark.parametrize("cut", [1, 40, -1], ids=["in the method", "in the head", "in the body"])
def test_the_end_of_one_request_and_the_start_of_the_next_in_one_packet(gateway: Gateway, cut: int) -> None:
    first, second = request(f"first {cut}"), request(f"second {cut}")
    with Wire(gateway) as wire:
        wire.write(first + second[:cut])
        assert caches(wire, 1) == ["miss"]
        wire.write(second[cut:])
        assert caches(wire, 1) == ["miss"]


def test_plain_and_chunked_requests_take_turns(gateway: Gateway) -> None:
    with Wire(gateway) as wire:
        for sent, cache in (
            (request("plain"), "miss"),
            (chunked("plain"), "hit"),
            (request("plain"), "hit"),
            (chunked("chunked"), "miss"),
        ):
            wire.write(sent)
            assert caches(wire, 1) == [cache]


def test_hits_and_misses_sent_ahead_are_answered_in_order(gateway: Gateway) -> None:
    with Wire(gateway) as wire:
        wire.write(request("a") + request("a") + request("b") + chunked("a") + request("b"))
        assert caches(wire, 5) == ["miss", "hit", "miss", "hit", "hit"]


def test_more_than_is_held_is_read_later(gateway: Gateway, upstream: Upstream) -> None:
    count = 400
    with Wire(gateway) as wire:
        wire.write(b"".join(request(f"{number} {'x' * 400}") for number in range(count)))
        assert caches(wire, count) == ["miss"] * count
    assert len(upstream.calls) == count


def test_a_client_that_never_reads_is_not_read_either(gateway: Gateway) -> None:
    with Wire(gateway) as wire:
        wire.write(request("flood"))
        assert caches(wire, 1) == ["miss"]
        assert wire.flood(request("flood"), 24 << 20) < 24 << 20


def test_a_client_that_wants_the_connection_closed(gateway: Gateway) -> None:
    for cache in ("miss", "hit"):
        with Wire(gateway) as wire:
            wire.write(request("to be closed", "Connection: close\r\n"))
            answer = wire.answer()
            assert (answer.headers["connection"], answer.headers["x-gateway-cache"]) == ("close", cache)
            assert wire.closed


@pytest.mark.parametrize("begun", [b"", b"PO", request("Hi")[:50], b"GET /health/live HTTP/1.1\r\n"])
def test_a_head_that_does_not_come_is_not_waited_for(quick: Gateway, begun: bytes) -> None:
    with Wire(quick) as wire:
        wire.write(begun)
        assert wire.closed


def test_a_body_that_does_not_come_is_a_timeout(quick: Gateway) -> None:
    begun = request("Hi")[:-1], request("x" * 100_000)[:-1], chunked("Hi")[:-1]
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(quick)) for _ in begun]
        for wire, sent in zip(wires, begun, strict=True):
            wire.write(sent)
        for wire in wires:
            assert wire.answer().status_code == 408
            assert wire.closed


def test_an_idle_connection_is_kept_for_its_own_time(quick: Gateway) -> None:
    with Wire(quick) as wire:
        wire.write(request("idle"))
        assert caches(wire, 1) == ["miss"]
        time.sleep(2)  # longer than a head is waited for
        wire.write(request("idle"))
        assert caches(wire, 1) == ["hit"]
        assert wire.closed


@pytest.mark.parametrize("second", [b"G", request("Hi")[:50], chunked("Hi")[:50]])
def test_a_second_head_is_waited_for_no_longer_than_a_first(quick: Gateway, second: bytes) -> None:
    with Wire(quick) as wire:
        wire.write(chunked(f"then {len(second)}"))  # from here on aiohttp reads
        assert wire.answer().status_code == 200
        began = time.monotonic()
        wire.write(second)
        assert wire.closed
        assert time.monotonic() - began < 3  # an idle connection would be kept for four seconds


def test_a_clients_own_id_is_told_back_in_every_answer(gateway: Gateway) -> None:
    with Wire(gateway) as wire:
        for sent, status in (
            (request("with an id", "x-request-id: mine\r\n"), 200),
            (request("with an id", "x-request-id: mine\r\n"), 200),
            (b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: mine\r\n\r\n", 404),
            (
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: mine\r\nContent-Length: 0\r\n\r\n",
                400,
            ),
        ):
            wire.write(sent)
            answer = wire.answer()
            assert (answer.status_code, answer.headers["x-request-id"]) == (status, "mine")
            assert answer.headers["x-gateway-id"].startswith("req_")
    (row, *_) = gateway.rows()
    assert row["request_id"] == "mine"
