"""A raw server that does what a test says, and a pool to ask it with."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from gateway.providers.base import Outgoing, Provider, Timeouts
from gateway.providers.table import OPENAI
from gateway.upstream.pool import HttpExchange, Pool

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ASKED = Outgoing("/chat/completions", (("authorization", "Bearer k"),), b'{"x":1}')
LINGER_ZERO = struct.pack("ii", 1, 0)
"""Makes `close` a reset."""
OK = b"HTTP/1.1 200 OK\r\n"


class Server:
    """`serve` handles every request of a connection; `requests` holds the heads and bodies, `connections` counts."""

    def __init__(self, serve: Handler) -> None:
        self._serve = serve
        self.connections = 0
        self.requests: list[bytes] = []
        self.gone = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.add(asyncio.create_task(self.handle(reader, writer)))

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.gone.set()
            writer.close()


@asynccontextmanager
async def serving(serve: Handler, **timeouts: float) -> AsyncIterator[tuple[Server, Pool, Provider]]:
    server = Server(serve)
    listener = await asyncio.start_server(server.accept, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    provider = Provider("acme", f"http://127.0.0.1:{port}/v1", OPENAI, timeouts=Timeouts(**timeouts))
    pool = Pool()
    try:
        yield server, pool, provider
    finally:
        await pool.close()
        listener.close()
        for task in server.tasks:
            task.cancel()
        await asyncio.gather(*server.tasks, return_exceptions=True)


def sends(*pieces: bytes, close: bool = False, pause: float = 0.0) -> Handler:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        if close:
            writer.close()
            raise ConnectionResetError

    return serve


async def body(exchange: HttpExchange) -> bytes:
    reads = []
    while read := await exchange.read():
        reads.append(read)
    return b"".join(reads)


async def emptied(pool: Pool) -> None:
    """Waits until no connection is open."""
    async with asyncio.timeout(5):
        while len(pool):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def ask(pool: Pool, provider: Provider) -> tuple[int, bytes]:
    async with await pool.send(provider, ASKED) as exchange:
        return exchange.status, await body(exchange)


def sized(data: bytes, *lines: bytes) -> bytes:
    return b"\r\n".join([OK.strip(), *lines, b"content-length: %d" % len(data), b"", data])


def chunked(*pieces: bytes, lines: bytes = b"") -> bytes:
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))
    return OK + lines + b"transfer-encoding: chunked\r\n\r\n" + framed


def resets(data: bytes) -> Handler:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        writer.transport.abort()
        raise ConnectionResetError

    return serve


class Closer:
    """A provider in threads of its own, which answers and then closes most connections without a word, a moment later: by
    a FIN, or by a RST. `served` counts the requests that it answered."""

    def __init__(self, *, reset: bool, moment: float) -> None:
        self._reset, self._moment = reset, moment
        self._random = random.Random(7)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            while client.recv(65536):
                client.sendall(sized(b"hello"))
                if self._random.random() < 0.7:
                    time.sleep(self._random.random() * self._moment)
                    break
            if self._reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
