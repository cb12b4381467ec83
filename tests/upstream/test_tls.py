"""The same over TLS, where the socket and its end are further away."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.errors import UpstreamInterrupted, UpstreamUnreachable
from gateway.providers.base import Provider
from gateway.providers.table import OPENAI
from gateway.upstream.connection import READ_SIZE
from gateway.upstream.pool import Pool
from tests.upstream.raw import ASKED, OK, Handler, Server, ask, emptied, sends, sized

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    pem, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-out", str(pem), "-keyout", str(key)], check=True, capture_output=True)
    return pem, key


Serving = Callable[[Handler], "asynccontextmanager[tuple[Server, Pool, Provider]]"]


@pytest.fixture
def serving(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Serving:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)

    @asynccontextmanager
    async def served(serve: Handler) -> AsyncIterator[tuple[Server, Pool, Provider]]:
        server, pool = Server(serve), Pool()
        listener = await asyncio.start_server(server.accept, "127.0.0.1", 0, ssl=context)
        port = listener.sockets[0].getsockname()[1]
        try:
            yield server, pool, Provider("acme", f"https://127.0.0.1:{port}/v1", OPENAI)
        finally:
            await pool.close()
            listener.close()
            for task in server.tasks:
                task.cancel()
            await asyncio.gather(*server.tasks, return_exceptions=True)
            await asyncio.sleep(0.05)  # TLS closes in several turns of the loop

    return served  # type: ignore[return-value]


async def test_a_connection_is_used_again(serving: Serving) -> None:
    async with serving(sends(sized(b"hello"))) as (server, pool, provider):
        assert [await ask(pool, provider) for _ in range(20)] == [(200, b"hello")] * 20
        assert (server.connections, len(pool)) == (1, 1)


async def test_one_that_the_provider_closed_costs_no_call(serving: Serving) -> None:
    async def once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sized(b"hello"))
        writer.close()
        raise ConnectionResetError

    async with serving(once) as (server, pool, provider):
        assert [await ask(pool, provider) for _ in range(100)] == [(200, b"hello")] * 100
        assert len(server.requests) == 100


async def test_a_request_that_was_read_is_not_sent_again(serving: Serving) -> None:
    answers = iter([sized(b"hello")])

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer := next(answers, b""):
            writer.write(answer)
            return
        await asyncio.sleep(0.2)
        writer.close()
        raise ConnectionResetError

    async with serving(serve) as (server, pool, provider):
        await ask(pool, provider)
        with pytest.raises(UpstreamInterrupted):
            await ask(pool, provider)
        assert (server.connections, len(server.requests)) == (1, 2)


async def test_what_a_stalled_reader_leaves_is_bounded(serving: Serving) -> None:
    total, written = 32 << 20, 0

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(OK + b"content-length: %d\r\n\r\n" % total)
        while written < total:
            writer.write(bytes(16 << 10))
            await writer.drain()
            written += 16 << 10

    async with serving(serve) as (_, pool, provider), await pool.send(provider, ASKED) as exchange:
        before = -1
        while before != written:
            before = written
            await asyncio.sleep(0.3)
        (connection,) = pool._origins["acme"].open
        assert 0 < connection.answer.held <= 3 * READ_SIZE
        assert written < total // 2

        size = 0
        while read := await exchange.read():
            size += len(read)
        assert size == total


async def test_an_encoded_answer(serving: Serving) -> None:
    text = b"data: hello\n\n" * 20_000
    async with serving(sends(sized(gzip.compress(text), b"content-encoding: gzip"))) as (server, pool, provider):
        assert [await ask(pool, provider) for _ in range(2)] == [(200, text)] * 2
        assert server.connections == 1


async def test_hanging_up_closes_the_connection(serving: Serving) -> None:
    async with serving(sends(OK + b"content-length: 9\r\n\r\nhalf", pause=3600)) as (_, pool, provider):
        call = asyncio.create_task(ask(pool, provider))
        await asyncio.sleep(0.1)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await emptied(pool)


async def test_a_stranger_is_not_trusted(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    async with serving(sends(sized(b"hello"))) as (_, pool, provider):
        with pytest.raises(UpstreamUnreachable, match="no trusted TLS connection"):
            await ask(pool, provider)
        assert len(pool) == 0
