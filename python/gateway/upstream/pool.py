"""Exchanges with providers over pooled connections."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol
from urllib.parse import urlsplit

from gateway.errors import UpstreamInterrupted, UpstreamTimeout, UpstreamUnreachable
from gateway.providers.base import Outgoing, Provider
from gateway.upstream.connection import Connection

IDLE_SECONDS = 55.0
"""A connection that has been idle for longer is not used again: many servers close theirs after 60 s."""


class Exchange(Protocol):
    """One answer under way. Leaving the `async with` gives the connection back, or closes it when the answer was not read out."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...

    async def __aenter__(self) -> Exchange: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def waited_us(self) -> int:
        """Microseconds from the request to the latest network read."""
        ...

    async def read(self) -> bytes:
        """The next network read of the body, content-decoded; empty at its end."""
        ...


class Transport(Protocol):
    """A way to reach a provider."""

    async def send(self, provider: Provider, outgoing: Outgoing) -> Exchange: ...
    async def close(self) -> None: ...


class Origin:
    """Where a provider is: parsed once, with its idle connections, the latest used on top."""

    def __init__(self, provider: Provider) -> None:
        url = urlsplit(provider.base_url)
        self.tls = url.scheme == "https"
        self.host = url.hostname or ""
        self.port = url.port or (443 if self.tls else 80)
        self.prefix = url.path.rstrip("/")
        self.authority = url.netloc.rpartition("@")[2]
        self.idle: list[tuple[float, Connection]] = []

    def head(self, outgoing: Outgoing) -> bytes:
        lines = [f"{outgoing.method} {self.prefix}{outgoing.path} HTTP/1.1", f"host: {self.authority}"]
        lines += [f"{name}: {value}" for name, value in outgoing.headers]
        lines += ["content-type: application/json", "accept-encoding: identity", "user-agent: llm-gateway"]
        lines += [f"content-length: {len(outgoing.body)}", "\r\n"]
        return "\r\n".join(lines).encode("latin-1")


class HttpExchange:
    """An `Exchange` over one pooled connection."""

    __slots__ = ("_connection", "_origin", "headers", "status")

    def __init__(self, connection: Connection, origin: Origin) -> None:
        self._connection, self._origin = connection, origin
        self.status, self.headers = connection.status, connection.headers

    async def __aenter__(self) -> HttpExchange:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection.reusable:
            self._origin.idle.append((asyncio.get_running_loop().time(), self._connection))
        else:
            self._connection.abort()

    @property
    def waited_us(self) -> int:
        return self._connection.waited_us

    async def read(self) -> bytes:
        return await self._connection.read()


class Pool:
    """The transport for `http` and `https`."""

    def __init__(self) -> None:
        self._origins: dict[str, Origin] = {}
        self._open: set[Connection] = set()
        self._tls: ssl.SSLContext | None = None

    async def send(self, provider: Provider, outgoing: Outgoing) -> HttpExchange:
        """Sends a request and returns once the head of the answer is there; raises an `UpstreamError`.

        A reused connection that closes without one byte of an answer was closed before the request reached anybody,
        so that the request is sent again on a fresh one, once.
        """
        origin = self._origins.get(provider.name)
        if origin is None:
            origin = self._origins[provider.name] = Origin(provider)
        head = origin.head(outgoing)
        connection = self._reuse(origin) or await self._connect(origin, provider)
        reused = connection.exchanges > 0
        try:
            try:
                await connection.request(head, outgoing.body)
            except (UpstreamInterrupted, UpstreamUnreachable):
                if not (reused and connection.silent):
                    raise
                connection = await self._connect(origin, provider)
                await connection.request(head, outgoing.body)
        except BaseException:
            connection.abort()
            raise
        return HttpExchange(connection, origin)

    async def close(self) -> None:
        """Closes every connection."""
        for connection in list(self._open):
            connection.abort()

    def __len__(self) -> int:
        """Connections open, in use or idle."""
        return len(self._open)

    def _reuse(self, origin: Origin) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - IDLE_SECONDS
        while origin.idle:
            since, connection = origin.idle.pop()
            if since >= oldest and connection.reusable:
                return connection
            connection.abort()
        return None

    async def _connect(self, origin: Origin, provider: Provider) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(provider.timeouts.connect):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop, provider, self._open.discard),
                    origin.host,
                    origin.port,
                    ssl=self._context() if origin.tls else None,
                )
        except TimeoutError as error:
            raise UpstreamTimeout(f"{provider.name} did not accept a connection in time.") from error
        except ssl.SSLError as error:
            raise UpstreamUnreachable(f"{provider.name} could not be reached: no trusted TLS connection.") from error
        except OSError as error:
            raise UpstreamUnreachable(f"{provider.name} could not be reached.") from error
        self._open.add(connection)
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


class Upstream:
    """The only way out: picks the transport by the scheme of the provider's base URL."""

    def __init__(self, transports: Mapping[str, Transport]) -> None:
        self._transports = transports

    async def send(self, provider: Provider, outgoing: Outgoing) -> Exchange:
        return await self._transports[provider.base_url.partition(":")[0]].send(provider, outgoing)

    async def close(self) -> None:
        for transport in set(self._transports.values()):
            await transport.close()
