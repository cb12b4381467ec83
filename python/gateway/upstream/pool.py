"""Exchanges with providers over pooled connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol

from gateway.errors import UpstreamUnreachable
from gateway.providers.base import Outgoing, Provider
from gateway.upstream.answer import Answer
from gateway.upstream.connection import READ_SIZE, Connection
from gateway.upstream.dialer import Dialer
from gateway.upstream.origin import Origin

log = logging.getLogger(__name__)

SWEEP_SECONDS = 5.0


class Exchange(Protocol):
    """One answer under way.

    Leaving the `async with` gives the connection back once the answer has come to its end, for which nobody waits. Leaving it
    by an exception in mid-answer closes the connection at once.
    """

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
    """A way to reach a provider. `hops` is how many gateways the call came through before this one."""

    async def send(self, provider: Provider, outgoing: Outgoing, hops: int = 0) -> Exchange: ...
    async def close(self) -> None: ...


class HttpExchange:
    """An `Exchange` over one pooled connection."""

    __slots__ = ("_connection", "headers", "read", "status")

    def __init__(self, connection: Connection, answer: Answer) -> None:
        self._connection = connection
        self.read = connection.read
        self.status, self.headers = answer.status, answer.headers

    async def __aenter__(self) -> HttpExchange:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.leave(content=kind is None)

    @property
    def waited_us(self) -> int:
        return self._connection.waited_us


class Pool:
    """The transport for `http` and `https`."""

    def __init__(self) -> None:
        self._origins: dict[str, Origin] = {}
        self._buffer = memoryview(bytearray(READ_SIZE))
        self._dialer = Dialer()
        self._sweeper: asyncio.TimerHandle | None = None
        self._sweeps_well = True

    async def send(self, provider: Provider, outgoing: Outgoing, hops: int = 0) -> HttpExchange:
        """Sends a request and returns once the head of the answer is there; raises an `UpstreamError`.

        What the provider cannot have read any of is sent again over a fresh connection, once. What it may have read is not:
        an `UpstreamInterrupted` leaves it to the caller whether to risk paying twice.
        """
        origin = self._origin(provider)
        head = origin.head(outgoing, hops)
        if connection := origin.reuse() or await origin.soon():
            outgoing.sent = True
            try:
                return HttpExchange(connection, await connection.request(head, outgoing.body, stream=outgoing.stream))
            except UpstreamUnreachable:
                outgoing.sent = False
        connection = await self._dialer.dial(origin)
        self._keep_sweeping()
        outgoing.sent = True
        return HttpExchange(connection, await connection.request(head, outgoing.body, stream=outgoing.stream))

    async def close(self) -> None:
        """Closes every connection."""
        for origin in self._origins.values():
            origin.close()

    def __len__(self) -> int:
        """Connections open, in use or idle."""
        return sum(len(origin.open) for origin in self._origins.values())

    def _origin(self, provider: Provider) -> Origin:
        origin = self._origins.get(provider.name)
        if origin is None:
            try:
                origin = Origin(provider, self._buffer, asyncio.get_running_loop().time)
            except ValueError as error:
                raise UpstreamUnreachable(f"{provider.name} has a base_url that is not a URL.") from error
            self._origins[provider.name] = origin
        return origin

    def _keep_sweeping(self) -> None:
        if self._sweeper is None and len(self):
            self._sweeper = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        """Closes idle connections in time; goes on for as long as there are connections."""
        self._sweeper = None
        try:
            for origin in self._origins.values():
                origin.expire()
            self._sweeps_well = True
        except Exception:
            if self._sweeps_well:
                log.exception("idle connections to providers could not be closed; trying on")
            self._sweeps_well = False
        self._keep_sweeping()


class Upstream:
    """The only way out: picks the transport by the scheme of the provider's base URL."""

    def __init__(self, transports: Mapping[str, Transport]) -> None:
        self._transports = transports

    async def send(self, provider: Provider, outgoing: Outgoing, hops: int = 0) -> Exchange:
        return await self._transports[provider.base_url.partition(":")[0].lower()].send(provider, outgoing, hops)

    async def close(self) -> None:
        for transport in set(self._transports.values()):
            await transport.close()
