"""One connection to a provider, against a raw server that does what the test says."""

from __future__ import annotations

import asyncio
import gzip
import socket
import zlib
from dataclasses import replace

import pytest

from gateway.errors import UpstreamError, UpstreamInterrupted, UpstreamInvalid, UpstreamTimeout, UpstreamUnreachable
from gateway.upstream.answer import STEP
from gateway.upstream.connection import CLOSED, READ_SIZE, STREAM_READ_SIZE, Connection
from gateway.upstream.origin import Origin
from gateway.upstream.window import RECEIVE_BUFFER, SO_BUF_LOCK
from tests.upstream.raw import ASKED, OK, Handler, ask, body, chunked, resets, sends, serving, sized

STREAM = replace(ASKED, stream=True)
ANSWERS = {
    "sized": sends(sized(b"hello")),
    "empty": sends(sized(b"")),
    "chunked": sends(chunked(b"he", b"llo")),
    "chunked with trailers": sends(chunked(b"hello")[:-2] + b"x-checksum: 1\r\n\r\n"),
    "byte by byte": sends(*(bytes([byte]) for byte in chunked(b"he", b"llo"))),
    "until the close": sends(OK + b"\r\nhel", b"lo", close=True),
    "HTTP/1.0": sends(b"HTTP/1.0 200 OK\r\n\r\nhello", close=True),
    "100 Continue first": sends(b"HTTP/1.1 100 Continue\r\n\r\n", sized(b"hello")),
    "103 Early Hints first": sends(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + sized(b"hello")),
    "no reason": sends(b"HTTP/1.1 200\r\ncontent-length: 5\r\n\r\nhello"),
}


@pytest.mark.parametrize("form", ANSWERS)
async def test_every_form_of_a_body_is_read(form: str) -> None:
    async with serving(ANSWERS[form]) as (_, pool, provider):
        assert await ask(pool, provider) == (200, b"" if form == "empty" else b"hello")


async def test_connection_close_is_obeyed() -> None:
    async with serving(sends(sized(b"hello", b"connection: close"))) as (server, pool, provider):
        for _ in range(3):
            assert await ask(pool, provider) == (200, b"hello")

        assert server.connections == 3


def deflated(data: bytes, wbits: int) -> bytes:
    packer = zlib.compressobj(wbits=wbits)
    return packer.compress(data) + packer.flush()


TEXT = b"data: hello\n\n" * 100
ENCODED = {
    "gzip": (b"gzip", gzip.compress(TEXT)),
    "x-gzip": (b"x-gzip", gzip.compress(TEXT)),
    "GZIP": (b"GZIP", gzip.compress(TEXT)),
    "deflate": (b"deflate", deflated(TEXT, zlib.MAX_WBITS)),
    "identity": (b"identity", TEXT),
}


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("size", [1, 7, 10**6])
async def test_encoded_answers_are_decoded_at_any_split(encoding: str, size: int) -> None:
    name, data = ENCODED[encoding]
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    answer = chunked(*pieces, lines=b"content-encoding: %b\r\n" % name)
    async with serving(sends(answer)) as (server, pool, provider):
        assert await ask(pool, provider) == (200, TEXT)
        assert await ask(pool, provider) == (200, TEXT)
        assert server.connections == 1


async def test_a_network_read_that_inflates_to_nothing_is_not_the_end() -> None:
    data = gzip.compress(TEXT)
    pieces = [OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(data), data[:5], data[5:12], data[12:]]
    async with serving(sends(*pieces, pause=0.02)) as (_, pool, provider):
        assert await ask(pool, provider) == (200, TEXT)


async def test_an_encoded_answer_without_a_body_is_empty() -> None:
    async with serving(sends(sized(b"", b"content-encoding: gzip"))) as (_, pool, provider):
        assert await ask(pool, provider) == (200, b"")


async def test_what_compresses_well_is_no_bomb() -> None:
    text = TEXT * 2000
    async with serving(sends(sized(gzip.compress(text), b"content-encoding: gzip"))) as (_, pool, provider):
        assert await ask(pool, provider) == (200, text)


BAD_ENCODINGS = {
    "a bomb": (b"gzip", gzip.compress(bytes(64 << 20), 9)),
    "not gzip": (b"gzip", b"plain text"),
    "not asked for": (b"br", b"xxx"),
    "raw deflate": (b"deflate", deflated(TEXT, -zlib.MAX_WBITS)),
    "gzip of two members": (b"gzip", gzip.compress(TEXT[:500]) + gzip.compress(TEXT[500:])),
    "cut gzip": (b"gzip", gzip.compress(TEXT)[:-20]),
    "cut deflate": (b"deflate", deflated(TEXT, zlib.MAX_WBITS)[:-5]),
}


@pytest.mark.parametrize("bad", BAD_ENCODINGS)
@pytest.mark.parametrize("until_the_close", [False, True])
async def test_an_encoding_that_lies_is_an_error_and_no_short_answer(bad: str, until_the_close: bool) -> None:
    name, data = BAD_ENCODINGS[bad]
    line = b"content-encoding: %b" % name
    answer = OK + line + b"\r\n\r\n" + data if until_the_close else sized(data, line)
    async with serving(sends(answer, close=until_the_close)) as (server, pool, provider):
        with pytest.raises(UpstreamInterrupted if "cut" in bad else UpstreamInvalid, match="acme"):
            await ask(pool, provider)

        await asyncio.wait_for(server.gone.wait(), 5)
        assert len(pool) == 0


BROKEN: dict[str, tuple[Handler, type[UpstreamError]]] = {
    "no answer": (sends(close=True), UpstreamInterrupted),
    "half a head": (sends(OK + b"content-le", close=True), UpstreamInterrupted),
    "half a body": (sends(sized(b"hello")[:-2], close=True), UpstreamInterrupted),
    "half a chunk": (sends(chunked(b"hello")[:-8], close=True), UpstreamInterrupted),
    "no last chunk": (sends(chunked(b"hello")[:-5], close=True), UpstreamInterrupted),
    "a reset until the close": (resets(OK + b"\r\nhello"), UpstreamInterrupted),
    "another protocol": (sends(b"SSH-2.0-OpenSSH_9.6\r\n"), UpstreamInvalid),
    "a bad chunk size": (sends(OK + b"transfer-encoding: chunked\r\n\r\nxyz\r\n"), UpstreamInvalid),
    "two lengths": (sends(OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello"), UpstreamInvalid),
    "a length and chunks": (
        sends(OK + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        UpstreamInvalid,
    ),
    "a head without end": (sends(OK + b"x-y: " + b"z" * 70_000), UpstreamInvalid),
    "a head over 64 KB": (sends(OK + b"x-y: " + b"z" * 70_000 + b"\r\ncontent-length: 0\r\n\r\n"), UpstreamInvalid),
    "headers over 64 KB": (
        sends(OK + b"".join(b"x-%d: y\r\n" % n for n in range(10_000)) + b"content-length: 0\r\n\r\n"),
        UpstreamInvalid,
    ),
    "an upgrade": (
        sends(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"),
        UpstreamInvalid,
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
async def test_a_broken_answer_is_an_error_and_its_connection_is_gone(fault: str) -> None:
    serve, error = BROKEN[fault]
    async with serving(serve, headers=2, idle=2) as (server, pool, provider):
        with pytest.raises(error, match="acme"):
            await ask(pool, provider)

        await asyncio.wait_for(server.gone.wait(), 5)
        assert len(pool) == 0


async def test_two_answers_to_one_request_never_reach_the_next_one() -> None:
    answers = iter([sized(b"first") + sized(b"poison"), sized(b"second")])

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers))

    async with serving(serve) as (server, pool, provider):
        assert await ask(pool, provider) == (200, b"first")
        assert await ask(pool, provider) == (200, b"second")
        assert server.connections == 2


async def test_an_answer_that_nobody_asked_for_closes_an_idle_connection() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sized(b"answer"))
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(sized(b"poison"))

    async with serving(serve) as (server, pool, provider):
        assert await ask(pool, provider) == (200, b"answer")
        await asyncio.wait_for(server.gone.wait(), 5)

        assert await ask(pool, provider) == (200, b"answer")
        assert server.connections == 2


LATE = {
    "nothing": sends(b"", pause=3600),
    "half a head": sends(OK, pause=3600),
    "100 Continue alone": sends(b"HTTP/1.1 100 Continue\r\n\r\n", pause=3600),
    "a head in drops": sends(*(bytes([byte]) for byte in OK + b"x: " + b"y" * 1000), pause=0.02),
}


@pytest.mark.parametrize("late", LATE)
async def test_a_head_that_does_not_come_in_time_is_a_timeout(late: str) -> None:
    async with serving(LATE[late], headers=0.2, idle=3600) as (_, pool, provider):
        with pytest.raises(UpstreamTimeout, match="did not answer in time"):
            await asyncio.wait_for(ask(pool, provider), 5)

        await asyncio.sleep(0)
        assert len(pool) == 0


async def test_a_body_that_stops_is_a_timeout() -> None:
    async with serving(sends(sized(b"hello")[:-2], pause=3600), headers=3600, idle=0.2) as (_, pool, provider):
        with pytest.raises(UpstreamTimeout, match="stopped sending"):
            await asyncio.wait_for(ask(pool, provider), 5)

        await asyncio.sleep(0)
        assert len(pool) == 0


async def test_a_slow_body_that_goes_on_is_none() -> None:
    serve = sends(OK + b"content-length: 12\r\n\r\n", *[b"x"] * 12, pause=0.1)
    async with serving(serve, headers=1, idle=1) as (_, pool, provider):
        assert await ask(pool, provider) == (200, b"x" * 12)


async def test_a_slow_reader_stops_the_provider_and_is_no_timeout() -> None:
    total, written = 64 << 20, [0]

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"content-length: %d\r\n\r\n" % total)
        for _piece in range(total >> 16):
            writer.write(bytes(1 << 16))
            await writer.drain()
            written[0] += 1 << 16

    async with serving(serve, idle=0.1) as (_, pool, provider):
        async with await pool.send(provider, ASKED) as exchange:
            first = len(await exchange.read())
            before = -1
            while before != written[0]:  # until the socket's buffers are full
                before = written[0]
                await asyncio.sleep(0.3)
            assert written[0] < total // 2

            data = len(await exchange.read())
            assert data < READ_SIZE // 2 + READ_SIZE
            while read := await exchange.read():
                data += len(read)
        assert first + data == total


@pytest.mark.parametrize("kind", [b"text/event-stream", b"application/json", b""])
async def test_what_waits_for_a_reader_who_stalls_is_bounded(kind: bytes) -> None:
    written = 0

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 << 10)
        writer.transport.set_write_buffer_limits(0)
        writer.write(OK + b"content-type: %b\r\ncontent-length: %d\r\n\r\n" % (kind, 64 << 20))
        while written < 64 << 20:
            writer.write(bytes(16 << 10))
            await writer.drain()
            written += 16 << 10

    async with serving(serve) as (_, pool, provider), await pool.send(provider, STREAM) as exchange:
        read = 0
        while read < 8 << 20:  # at full speed, for the kernel to make its buffers as large as it may
            read += len(await exchange.read())
        before = -1
        while before != written:
            before = written
            await asyncio.sleep(0.2)
        (connection,) = pool._origins["acme"].open

        held = connection.answer.held
        assert held < STREAM_READ_SIZE // 2 + STREAM_READ_SIZE
        assert written - read <= held + 2 * RECEIVE_BUFFER + (128 << 10)  # the last is the server's own


async def test_what_was_asked_for_and_no_label_decides_how_much_is_read_at_once_and_held_by_the_kernel() -> None:
    labels = [b"application/json", b"text/event-stream", b"application/json; charset=utf-8", b"text/plain", b""]
    cases = [(asked, label) for label in labels for asked in (STREAM, ASKED)]
    answers = iter(cases)

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"content-type: %b\r\ncontent-length: 2\r\n\r\n{" % next(answers)[1])
        await asyncio.sleep(0.05)
        writer.write(b"}")

    async with serving(serve) as (server, pool, provider):
        for asked, label in cases:
            async with await pool.send(provider, asked) as exchange:
                assert await exchange.read() == b"{"
                (connection,) = pool._origins["acme"].open
                assert connection._delivery is not None
                fixed = connection._delivery.socket.getsockopt(socket.SOL_SOCKET, SO_BUF_LOCK) != 0
                size = len(connection.get_buffer(-1))
                assert (size, fixed) == ((STREAM_READ_SIZE, True) if asked.stream else (READ_SIZE, False)), label
                await body(exchange)

        assert server.connections == 1


async def test_an_answer_inflates_as_fast_as_it_is_read() -> None:
    text = TEXT * 10_000
    packed = gzip.compress(text)
    assert len(text) > 100 * len(packed)
    async with serving(sends(sized(packed, b"content-encoding: gzip"))) as (server, pool, provider):
        async with await pool.send(provider, ASKED) as exchange:
            reads = []
            while read := await exchange.read():
                reads.append(read)

        assert b"".join(reads) == text
        assert max(map(len, reads)) <= STEP
        await ask(pool, provider)
        assert server.connections == 1


async def test_others_have_their_turn_while_an_answer_inflates() -> None:
    packed = gzip.compress(bytes(8 << 20))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    serve = sends(sized(packed, b"content-encoding: gzip"))
    async with serving(serve) as (_, pool, provider), await pool.send(provider, ASKED) as exchange:
        assert await exchange.read()
        task, reads = asyncio.create_task(other()), 0
        while await exchange.read():
            reads += 1
        task.cancel()

    assert reads > 100
    assert turns >= reads // 2


async def test_leaving_before_the_end_hangs_up_in_a_moment() -> None:
    async with serving(sends(OK + b"content-length: 100\r\n\r\nhalf")) as (server, pool, provider):
        async with await pool.send(provider, ASKED) as exchange:
            assert await exchange.read() == b"half"

        await asyncio.wait_for(server.gone.wait(), 5)
        assert len(pool) == 0


async def test_one_network_read_is_one_chunk() -> None:
    answer = chunked(b"a", b"b", b"c")
    async with serving(sends(answer)) as (_, pool, provider), await pool.send(provider, ASKED) as exchange:
        assert await exchange.read() == b"abc"
        assert await exchange.read() == b""


async def test_a_cancelled_call_hangs_up() -> None:
    async with serving(sends(b"", pause=0.5)) as (server, pool, provider):
        call = asyncio.create_task(ask(pool, provider))
        while not server.requests:  # noqa: ASYNC110
            await asyncio.sleep(0.001)

        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

        await asyncio.wait_for(server.gone.wait(), 5)
        assert len(pool) == 0


async def test_headers_that_mean_something_are_kept_and_have_no_case() -> None:
    answer = sized(b"x", b"Retry-After: 7", b"Content-Type:  text/plain ", b"Set-Cookie: a=b", b"X-Y: z")
    async with serving(sends(answer)) as (_, pool, provider), await pool.send(provider, ASKED) as exchange:
        assert exchange.headers == {"retry-after": "7", "content-type": "text/plain", "content-length": "1"}
        await body(exchange)


class Closed(asyncio.Transport):
    """A transport that was closed before its protocol was told of it, as uvloop's are when a dial is given up."""

    def is_closing(self) -> bool:
        return True

    def abort(self) -> None: ...

    def get_extra_info(self, name: str, default: object = None) -> object:
        raise OSError("the socket is closed")


async def test_a_dial_that_was_given_up_is_a_closed_connection() -> None:
    async with serving(sends(sized(b"hello"))) as (_, _, provider):
        loop = asyncio.get_running_loop()
        connection = Connection(Origin(provider, memoryview(bytearray(1)), loop.time), loop)

        connection.connection_made(Closed())

        with pytest.raises(UpstreamUnreachable):
            await connection.request(b"", b"")
        connection.connection_lost(None)
        assert connection.state is CLOSED
