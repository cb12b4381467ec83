"""Connections are used again where that is safe, closed in time, and nothing is sent twice that a provider may have read."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from gateway.errors import UpstreamError, UpstreamInterrupted, UpstreamUnreachable
from gateway.native import Scanner
from gateway.providers.base import Outgoing, Provider
from gateway.providers.table import OPENAI
from gateway.upstream import origin as origins
from gateway.upstream import pool as pools
from gateway.upstream.delivery import Delivery
from gateway.upstream.pool import Pool
from gateway.upstream.relay import relay
from tests.upstream.raw import ASKED, OK, Closer, Handler, ask, body, chunked, emptied, resets, sends, serving, sized


async def test_a_request_is_one_head_and_the_body() -> None:
    async with serving(sends(sized(b"{}"))) as (server, pool, provider):
        await ask(pool, provider)

        (request,) = server.requests
        port = provider.base_url.rpartition(":")[2].removesuffix("/v1")
        assert request.startswith(b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:%b\r\n" % port.encode())
        assert b"\r\nauthorization: Bearer k\r\n" in request
        assert request.endswith(b'\r\nx-gateway-hops: 1\r\ncontent-length: 7\r\n\r\n{"x":1}')


@pytest.mark.parametrize("answer", [sized(b"hello"), chunked(b"hel", b"lo")], ids=["sized", "chunked"])
async def test_twenty_calls_one_after_the_other_use_one_connection(answer: bytes) -> None:
    async with serving(sends(answer)) as (server, pool, provider):
        answers = [await ask(pool, provider) for _ in range(20)]

        assert answers == [(200, b"hello")] * 20
        assert (server.connections, len(server.requests), len(pool)) == (1, 20, 1)


async def test_calls_at_once_have_a_connection_each_and_those_are_used_again() -> None:
    async with serving(sends(b"", sized(b"hello"), pause=0.01)) as (server, pool, provider):
        for _ in range(3):
            await asyncio.gather(*(ask(pool, provider) for _ in range(5)))

        assert server.connections == 5


async def closes_when_asked_again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(sized(b"hello"))
    await reader.readuntil(b'{"x":1}')
    await asyncio.sleep(0.3)  # at work
    writer.close()
    raise ConnectionResetError


async def test_a_request_that_was_read_is_not_sent_again_by_itself() -> None:
    async with serving(closes_when_asked_again) as (server, pool, provider):
        await ask(pool, provider)
        with pytest.raises(UpstreamInterrupted, match="closed the connection without an answer"):
            await ask(pool, provider)

        assert server.connections == 1


async def test_nor_is_one_whose_answer_had_begun() -> None:
    answers = iter([(sized(b"hello"), False), (OK, True)])

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer, last = next(answers)
        writer.write(answer)
        if last:
            await writer.drain()
            writer.close()
            raise ConnectionResetError

    async with serving(serve) as (server, pool, provider):
        await ask(pool, provider)
        with pytest.raises(UpstreamInterrupted):
            await ask(pool, provider)

        assert (server.connections, len(server.requests)) == (1, 2)


async def test_a_fresh_connection_that_is_closed_is_not_tried_again() -> None:
    async with serving(sends(close=True)) as (server, pool, provider):
        with pytest.raises(UpstreamInterrupted):
            await ask(pool, provider)

        assert server.connections == 1


@pytest.fixture(params=[(False, 0.0), (False, 0.0003), (False, 0.003), (True, 0.0003), (True, 0.003)], ids=str)
def closer(request: pytest.FixtureRequest) -> Iterator[Closer]:
    reset, moment = request.param
    provider = Closer(reset=reset, moment=moment)
    yield provider
    provider.close()


async def test_no_call_is_lost_to_a_provider_that_closes_connections_as_the_next_call_starts(closer: Closer) -> None:
    pool, provider = Pool(), Provider("acme", closer.base_url, OPENAI)
    lost: list[UpstreamError] = []

    async def client() -> None:
        for _ in range(100):
            try:
                await ask(pool, provider)
            except UpstreamError as error:
                lost.append(error)

    await asyncio.gather(*(client() for _ in range(4)))
    await pool.close()

    assert [error for error in lost if error.code != "upstream_interrupted"] == []
    # On a starved machine a request may lie unread until the provider's kernel acknowledges it: then nothing is proved.
    assert len(lost) <= 20


async def test_a_connection_that_the_provider_has_closed_unnoticed_is_not_used() -> None:
    closer = Closer(reset=False, moment=0.01)
    pool, provider = Pool(), Provider("acme", closer.base_url, OPENAI)
    for _ in range(10):
        assert await ask(pool, provider) == (200, b"hello")
        time.sleep(0.02)  # noqa: ASYNC251  # the loop does not hear of the FIN
    await pool.close()
    closer.close()


async def test_what_an_idle_connection_was_told_is_no_answer_to_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some servers say 408 before they close an idle connection; it may cross the next request."""
    answers = iter([sized(b"first"), b""])

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers, sized(b"second")))

    async with serving(serve) as (server, pool, provider):
        assert await ask(pool, provider) == (200, b"first")
        (connection,) = pool._origins["acme"].open
        call = asyncio.create_task(ask(pool, provider))
        await asyncio.sleep(0)
        monkeypatch.setattr(Delivery, "unread", lambda _: True)  # what comes is older than the request
        late = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        connection.get_buffer(0)[: len(late)] = late
        connection.buffer_updated(len(late))

        assert await call == (200, b"second")
        assert server.connections == 2


LAST_CHUNK = b"0\r\n\r\n"


class Sink:
    waited_us = 0

    def __init__(self) -> None:
        self.data = b""

    def feed(self, data: bytes, content: bool) -> None:
        self.data += data

    async def room(self) -> None:
        return None


async def stream(pool: Pool, provider: Provider) -> bytes:
    sink = Sink()
    async with await pool.send(provider, ASKED) as exchange:
        await relay(exchange, provider, OPENAI.decoder(None), Scanner(), sink)  # type: ignore[arg-type]
    return sink.data


STREAM = b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def late(pause: float, *, more: bytes = b"") -> Handler:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(chunked(STREAM).removesuffix(LAST_CHUNK))
        await writer.drain()
        await asyncio.sleep(pause)
        writer.write(more + LAST_CHUNK)

    return serve


async def test_a_last_chunk_that_comes_late_costs_no_connection() -> None:
    async with serving(late(0.005)) as (server, pool, provider):
        for _ in range(100):
            assert b"hi" in await stream(pool, provider)

        assert server.connections <= 3


async def test_calls_at_once_do_not_queue_for_one_that_is_about_to_be_free() -> None:
    async with serving(late(0.005)) as (server, pool, provider):
        await stream(pool, provider)
        await asyncio.gather(*(stream(pool, provider) for _ in range(8)))

        assert server.connections in (8, 9)  # one of them waited, a moment at most


async def test_a_call_waits_only_a_moment_for_one_that_is_about_to_be_free() -> None:
    async with serving(late(3600)) as (server, pool, provider):
        for _ in range(5):
            await asyncio.wait_for(stream(pool, provider), 1)

        assert server.connections == 5


async def test_nobody_waits_for_a_last_chunk() -> None:
    async with serving(late(3600)) as (_, pool, provider):
        await asyncio.wait_for(stream(pool, provider), 2)

        await emptied(pool)  # and it is not waited for long


async def test_a_provider_that_goes_on_after_the_end_is_cut_off() -> None:
    junk = b"".join(b"8000\r\n%b\r\n" % bytes(0x8000) for _ in range(8))
    async with serving(late(0.005, more=junk)) as (server, pool, provider):
        await stream(pool, provider)

        await asyncio.wait_for(server.gone.wait(), 2)


async def test_leaving_by_an_exception_in_mid_answer_hangs_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.upstream.connection.LINGER_SECONDS", 3600)
    async with serving(sends(OK + b"content-length: 100\r\n\r\nhalf")) as (server, pool, provider):
        with suppress(RuntimeError):
            async with await pool.send(provider, ASKED) as exchange:
                assert await exchange.read() == b"half"
                raise RuntimeError

        await asyncio.wait_for(server.gone.wait(), 2)
        assert len(pool) == 0


async def test_idle_connections_are_closed_by_a_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "IDLE_SECONDS", 0.1)
    monkeypatch.setattr(pools, "SWEEP_SECONDS", 0.05)
    async with serving(sends(b"", sized(b"hello"), pause=0.01)) as (_, pool, provider):
        await asyncio.gather(*(ask(pool, provider) for _ in range(20)))
        assert len(pool) == 20

        await emptied(pool)


async def test_the_sweep_survives_what_fails_in_it_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pools, "SWEEP_SECONDS", 0.01)
    expire, failures = origins.Origin.expire, iter([True, True, True])

    def fails_thrice(origin: origins.Origin) -> None:
        if next(failures, False):
            raise RuntimeError("a fault")
        monkeypatch.setattr(origins, "IDLE_SECONDS", 0.0)
        expire(origin)

    monkeypatch.setattr(origins.Origin, "expire", fails_thrice)
    monkeypatch.setattr(origins, "IDLE_SECONDS", 0.02)
    async with serving(sends(sized(b"hello"))) as (_, pool, provider):
        with caplog.at_level(logging.ERROR):
            await ask(pool, provider)
            await emptied(pool)

    assert [record.message for record in caplog.records] == [
        "idle connections to providers could not be closed; trying on"
    ]


async def test_a_provider_that_says_how_long_it_keeps_connections_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(sends(sized(b"hello", b"keep-alive: timeout=0"))) as (server, pool, provider):
        for _ in range(3):
            await ask(pool, provider)

        assert server.connections == 3


async def test_closing_the_pool_ends_what_is_under_way() -> None:
    half = sends(OK + b"content-length: 9\r\n\r\nhalf", pause=3600)
    async with serving(half) as (_, pool, provider), await pool.send(provider, ASKED) as exchange:
        assert await exchange.read() == b"half"
        await pool.close()
        with pytest.raises(UpstreamInterrupted):
            await exchange.read()


async def test_a_base_url_that_is_none_is_an_error_of_the_provider() -> None:
    with pytest.raises(UpstreamUnreachable, match="acme has a base_url that is not a URL"):
        await Pool().send(Provider("acme", "http://[::1/v1", OPENAI), ASKED)


@pytest.mark.parametrize("key", ["sk-a\n", "sk-a\r\nx: y", "sk-\0", "schlüssel", "sk-\x7f"])
async def test_a_key_that_would_split_the_request_is_not_sent(key: str) -> None:
    async with serving(sends(sized(b"hello"))) as (server, pool, provider):
        outgoing = Outgoing("/chat/completions", (("authorization", f"Bearer {key}"),), b"{}")
        with pytest.raises(UpstreamUnreachable, match=r"acme cannot be asked.*Check providers\.acme\.api_key"):
            await pool.send(provider, outgoing)

        assert server.connections == 0


async def test_resets_while_the_provider_works_are_not_sent_again() -> None:
    async with serving(resets(b"")) as (server, pool, provider):
        with pytest.raises(UpstreamError):
            await ask(pool, provider)

        assert server.connections == 1


async def test_hops_are_counted() -> None:
    async with serving(sends(sized(b"hello"))) as (server, pool, provider):
        async with await pool.send(provider, ASKED, 2) as exchange:
            await body(exchange)

        assert b"\r\nx-gateway-hops: 3\r\n" in server.requests[0]
