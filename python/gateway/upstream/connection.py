"""One HTTP/1.1 connection to a provider, as a bare asyncio protocol.

Measured beside aiohttp's client session, which costs about 95 µs of CPU per call, this costs about 20: there is one request at
a time, no cookies, no redirects (a provider that redirects is refused) and no header objects.

Invariants: a network read wakes the reader once, after all of it is parsed. The socket is not read while half of one read
waits, so what is received and not read on is less than one and a half reads.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Protocol, cast

from gateway.errors import GatewayError, UpstreamInterrupted, UpstreamInvalid, UpstreamTimeout, UpstreamUnreachable
from gateway.providers.base import Provider
from gateway.upstream.answer import BODY, END, HEAD, Answer, AnswerCut, AnswerError, AnswerParser
from gateway.upstream.deadline import Deadline
from gateway.upstream.delivery import Delivery
from gateway.upstream.window import Window

READ_SIZE = 32 << 10
"""Bytes of one network read, at most."""
STREAM_READ_SIZE = 4 << 10
"""The same of what was asked for as a stream, whose readers may stall: whatever holds a read for them holds that much."""
LINGER_SECONDS = 0.05
"""How long the end of an answer may take after its reader has left: providers send the last chunk after `[DONE]`."""
_JOINED_BELOW = 64 << 10


class State(StrEnum):
    """What a connection is about."""

    IDLE = "it may carry a request"
    ASKED = "a request was sent, and the head of its answer is to come"
    ANSWERING = "the body is coming"
    ANSWERED = "the answer has ended, and its reader has not left yet"
    TRAILING = "the reader has left, and the end of the answer is to come"
    CLOSED = "over"


IDLE, ASKED, ANSWERING, ANSWERED, TRAILING, CLOSED = State

AFTER_READ = {
    ASKED: {HEAD: ASKED, BODY: ANSWERING, END: ANSWERED},
    ANSWERING: {BODY: ANSWERING, END: ANSWERED},
    TRAILING: {BODY: TRAILING, END: IDLE},
}
"""The state that follows when a network read has brought the answer to a phase. In every other state nobody asked."""


class Owner(Protocol):
    """Whose connection it is."""

    provider: Provider
    buffer: memoryview
    """`READ_SIZE` bytes, which all connections of an event loop may share: what is read is parsed at once."""

    def trails(self, connection: Connection) -> None:
        """The reader has left, and the connection is freed or lost within `LINGER_SECONDS`."""

    def freed(self, connection: Connection) -> None:
        """An exchange has ended, and the connection may carry the next one."""

    def lost(self, connection: Connection) -> None:
        """The connection is closed."""


class Connection(asyncio.BufferedProtocol):
    """Carries one exchange after another: `request`, `read` until it is empty, `leave`."""

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        self.state = IDLE
        self._owner, self._provider, self._buffer, self._loop = owner, owner.provider, owner.buffer, loop
        self._window, self._stream = self._buffer, False
        self._deadline = Deadline(loop, self._late)
        self._delivery: Delivery | None = None
        self._parser = AnswerParser()
        self.answer = self._parser.answer
        self._error: GatewayError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._received: int | None = 0
        self._sent = self._heard = 0.0
        self._paused = False

    # What the pool and the exchange call.

    async def request(self, head: bytes, body: bytes, *, stream: bool = False) -> Answer:
        """Sends one request and returns once the head of its answer is there. `stream` says what was asked for: providers
        label streams as JSON, and the other way round.

        Raises UpstreamUnreachable where the provider cannot have read any of the request, so it may be sent again over
        another connection, and another `UpstreamError` where it may have.
        """
        if self.state is not IDLE or self._delivery is None or not self._delivery.begin(self._received):
            raise self._fail(self._unread())
        self.answer = self._parser.expect()
        self.state, self._stream = ASKED, stream
        self._window = self._buffer[:STREAM_READ_SIZE] if stream else self._buffer
        if len(body) < _JOINED_BELOW:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))
        self._sent = self._heard = self._loop.time()
        self._deadline.set(self._sent + self._provider.timeouts.headers)
        try:
            while self.answer.phase is HEAD:
                await self._news()
        except BaseException:
            self.abort()
            self._error = None  # its traceback holds the call, and this connection
            raise
        if self.answer.status == 408 and self._never_read():  # said to an idle connection, not to this request
            raise self._fail(self._unread())
        return self.answer

    async def read(self) -> bytes:
        """What the provider has sent since the last read, decoded; empty at the end of the answer."""
        try:
            while not (data := self.answer.take()):
                if self.answer.phase is END:
                    return b""
                await self._news()
        except AnswerError as error:
            raise self._fail(self._told(error)) from error
        if self.answer.unfinished:
            await asyncio.sleep(0)  # inflating must not keep others waiting
        elif self._paused:
            self._resume()
        return data

    def leave(self, *, content: bool) -> None:
        """Ends the exchange. A reader who is `content` gives the end of the answer `LINGER_SECONDS` to come, so the
        connection can be used again; any other hangs up, and the provider sees it at once."""
        self.answer.discard()
        self._error = None
        if self.state is ANSWERED and self.answer.keep_alive and not self._paused:
            self._free()
        elif self.state is ANSWERING and content and not self._paused:
            self.state = TRAILING
            self._deadline.set(self._loop.time() + LINGER_SECONDS)
            self._owner.trails(self)
        else:
            self.abort()

    def abort(self) -> None:
        """Closes the socket at once. Whoever waits for an answer gets an error."""
        self._fail(self._told(self.answer.cut()))

    @property
    def waited_us(self) -> int:
        """Microseconds from the request to the latest network read."""
        return int((self._heard - self._sent) * 1e6)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods, not by its class
        if transport.is_closing():  # whoever dialled has given up, and the socket is closed
            self.abort()
            return
        self._delivery = Delivery(transport.get_extra_info("socket").fileno())
        self._kernels = Window(self._delivery.socket)
        if transport.get_extra_info("sslcontext") is not None:
            self._received = None  # TLS adds records of its own
            transport.set_read_buffer_limits(READ_SIZE)  # type: ignore[attr-defined]

    def get_buffer(self, _: int) -> memoryview:
        return self._window

    def buffer_updated(self, size: int) -> None:
        following = AFTER_READ.get(self.state)
        if following is None:
            self.abort()
            return
        self._heard = self._loop.time()
        if self._received is not None:
            self._received += size
        try:
            self._parser.feed(self._buffer[:size])
        except AnswerError as error:
            self._fail(self._told(error))
            return
        before, self.state = self.state, following[self.answer.phase]
        if self.state is not before:
            self._entered()
        elif self.state is ANSWERING:
            self._deadline.at = self._heard + self._provider.timeouts.idle
        if 2 * self.answer.held >= len(self._window):
            self._pause()
        self._wake()

    def eof_received(self) -> None:
        if self.state in (IDLE, TRAILING):
            self.abort()
        elif self.state is ASKED:  # what is still to be written would only be reset
            self._fail(self._loss())

    def connection_lost(self, error: Exception | None) -> None:
        if self.state is not CLOSED:
            if error is None:
                self.answer.close()
            self._fail(self._loss())
        if self._delivery is not None:
            self._delivery.close()
        self._owner.lost(self)

    # Waiting, and not waiting for ever.

    async def _news(self) -> None:
        """Returns when something has come; raises once nothing can."""
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _entered(self) -> None:
        """What a change of state means for the deadline, and for who waits."""
        if self.state is ANSWERING:
            self._deadline.set(self._heard + self._provider.timeouts.idle)
            self._kernels.fix(self._stream)
        elif self.state is ANSWERED:
            self._deadline.lift()
        elif self.answer.keep_alive:
            self._free()
        else:
            self.abort()

    def _pause(self) -> None:
        if self.state is TRAILING:  # nobody will read this
            self.abort()
        elif self.state is ANSWERING and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        self._paused = False
        if self.state is ANSWERING:
            self._deadline.at = self._loop.time() + self._provider.timeouts.idle
        if self.state is not CLOSED:
            self._transport.resume_reading()

    def _late(self) -> None:
        if self._paused:  # our own clients are slow, not the provider
            self._deadline.set(self._loop.time() + self._provider.timeouts.idle)
            return
        begun = self.answer.phase is BODY
        what = "stopped sending in the middle of its answer" if begun else "did not answer in time"
        self._fail(UpstreamTimeout(f"{self._provider.name} {what}."))

    # How it ends.

    def _free(self) -> None:
        self.state = IDLE
        self._deadline.lift()
        self.answer.discard()
        self._owner.freed(self)

    def _fail(self, error: GatewayError) -> GatewayError:
        """Closes the connection; what is awaited of an unfinished answer fails with the first error."""
        if self.state is not CLOSED:
            self.state = CLOSED
            if self.answer.phase is not END:
                self._error = error
            self._deadline.close()
            self._transport.abort()
            self._wake()
        return error

    def _loss(self) -> GatewayError:
        """What it means that the provider closed the connection."""
        unread = self.answer.framing == 0 and self._never_read()
        return self._unread() if unread else self._told(self.answer.cut())

    def _never_read(self) -> bool:
        """Whether the provider cannot have read any of the request."""
        return self._delivery is not None and self._delivery.unread()

    def _unread(self) -> UpstreamUnreachable:
        return UpstreamUnreachable(f"{self._provider.name} closed the connection before the request reached it.")

    def _told(self, error: AnswerError) -> GatewayError:
        kind = UpstreamInterrupted if isinstance(error, AnswerCut) else UpstreamInvalid
        return kind(f"{self._provider.name} {error}.")
