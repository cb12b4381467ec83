"""One client's connection: a request that is in memory as a whole is answered at once, any other is left to aiohttp."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, cast

from gateway import native
from gateway.api import wire
from gateway.api.access import Serve
from gateway.api.eager import Started
from gateway.api.request import ServerOptions, Whole
from gateway.api.sockets import bound
from gateway.api.states import ANSWER, BODY, CLOSED, FIRST, HEAD, MOVES, NEXT, State

MOST_HELD = 64 << 10
"""Bytes that may wait behind what is being answered or sent, before the socket is not read any more."""
AT_ONCE = 32
"""Requests sent ahead that are answered in one turn of the loop, before others have theirs."""


class Host(Protocol):
    """The server, as a connection knows it."""

    options: ServerOptions
    serve: Serve
    new_id: Callable[[], str]

    def opened(self, connection: Connection) -> None: ...
    def closed(self, connection: Connection) -> None: ...
    def hand_over(self, connection: Connection, received: bytes, waited: float) -> None:
        """Makes the connection's socket aiohttp's, beginning with what has been received. `waited` is for how many seconds a
        body has not come on."""


class Connection(asyncio.Protocol):
    """Reads requests in the plain form by itself (`native.Request`): one that does not have to wait, such as a hit, is answered in
    the network callback, without a task or a turn of the loop; any other in a task of its own.

    The first that is in another form makes the connection aiohttp's, for good.
    """

    __slots__ = ("_drains", "_held", "_host", "_loop", "_task", "blocked_since", "since", "socket", "state")

    socket: asyncio.Transport

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        self._host, self._loop = host, loop
        self._held = b""
        self._task: asyncio.Task[None] | None = None
        self._drains: list[asyncio.Future[None]] = []
        self.state = FIRST
        self.since = loop.time()
        self.blocked_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.socket = cast(asyncio.Transport, transport)
        bound(self.socket)
        self._host.opened(self)

    def data_received(self, data: bytes) -> None:
        self._held = self._held + data if self._held else data
        if self.state is not ANSWER:
            self._answer()
        if len(self._held) > MOST_HELD:
            self.socket.pause_reading()

    def eof_received(self) -> None:
        """Who sends no more has left, as far as one can tell: nothing is fetched for it any longer."""
        self._cancel()

    def pause_writing(self) -> None:
        self.blocked_since = self._loop.time()

    def resume_writing(self) -> None:
        self.blocked_since = None
        self._release()
        self._go_on()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.state, self._held, self.blocked_since = CLOSED, b"", None
        self._host.closed(self)
        self._release()
        self._cancel()

    def send(self, data: bytes) -> None:
        if self.state is CLOSED:
            raise ConnectionResetError("the client has gone")
        self.socket.write(data)

    async def drain(self) -> None:
        if self.blocked_since is not None:
            drained = self._loop.create_future()
            self._drains.append(drained)
            await drained

    def force_close(self) -> None:
        if self.state is not CLOSED:
            self.state, self._held = CLOSED, b""
            self.blocked_since = self.blocked_since or self._loop.time()
            self.socket.close()

    async def shutdown(self, timeout: float | None) -> None:  # noqa: ASYNC109 - aiohttp calls it so
        if self.state is not CLOSED:
            self.socket.set_write_buffer_limits(high=0)
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self.drain()
        task = self._task
        self.force_close()
        self._cancel()
        if task is not None:
            await asyncio.wait([task], timeout=1.0)

    def give_up(self) -> None:
        if self.state is BODY:
            self._hand_over(self._host.options.body_timeout)  # aiohttp knows whom to tell
        else:
            self.force_close()

    def _answer(self) -> None:
        """Answers what is held, one request after the other, until one has to wait or it is others' turn."""
        held, at, count, read = self._held, 0, 0, None
        while at < len(held) and self.blocked_since is None and self.state is not CLOSED:
            if count == AT_ONCE:
                self._loop.call_soon(self._go_on)
                break
            try:
                read = native.Request.read(held, at)
            except native.IrregularRequest:
                self._held = held[at:]
                self._hand_over()
                return
            if read is None:
                self._held = held[at:]
                self._await_rest()
                return
            at, count = at + read.size, count + 1
            self._begin(read)
            if self.state is ANSWER:
                break
        if self.state is not CLOSED:
            self._held = held[at:]
            self.since = self._loop.time()

    def _await_rest(self) -> None:
        """A request has come in part. Its head counts from its first byte; its body from the latest."""
        if b"\r\n\r\n" in self._held:
            self._enter(BODY)
            self.since = self._loop.time()
        elif self.state is NEXT:
            self._enter(HEAD)
            self.since = self._loop.time()
        elif self.state is FIRST:
            self._enter(HEAD)  # a first head counts from the connection's first moment

    def _begin(self, read: native.Request) -> None:
        host = self._host
        started = Started(host.serve(Whole(host.new_id(), self, read)))
        if started.done:
            self._finish(started.result)
        else:
            self._enter(ANSWER)
            self._task = self._loop.create_task(self._wait(started))
            self._task.add_done_callback(lambda _: started.close())

    def _finish(self, reply: wire.Reply) -> None:
        reply.write(self)
        if reply.keep_alive:
            self.state = NEXT
        else:
            self.force_close()

    def _cancel(self) -> None:
        """Cancels what is being answered, but not before its task has taken a step: an asynchronous generator that waits can
        be cancelled but not closed."""
        if self._task is not None:
            self._loop.call_soon(self._task.cancel)

    async def _wait(self, started: Started[wire.Reply]) -> None:
        try:
            self._finish(await started)
        except ConnectionError:
            return  # the client has gone
        finally:
            self._task = None
            self.since = self._loop.time()
        self._go_on()

    def _go_on(self) -> None:
        """Answers what has been held meanwhile, and reads on."""
        if self.state is not ANSWER and self._held:
            self._answer()
        if len(self._held) <= MOST_HELD and self.state is not CLOSED:
            self.socket.resume_reading()

    def _hand_over(self, waited: float = 0.0) -> None:
        received, self._held = self._held, b""
        self._host.hand_over(self, received, waited)
        self.state = CLOSED

    def _enter(self, state: State) -> None:
        assert state is self.state or state in MOVES[self.state], f"{self.state} → {state}"
        self.state = state

    def _release(self) -> None:
        drains, self._drains = self._drains, []
        for drained in drains:
            if not drained.done():
                drained.set_result(None)
