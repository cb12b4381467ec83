"""The mock provider: just enough HTTP/1.1 to answer an OpenAI client faster than any gateway can ask.

    python -m benches.load.mock --port 9000

A body with `"stream": true` is answered with 64 events, one socket write each, in a burst; `"user": "paced"`
in it spaces them 5 ms apart. The body carries the mode, since a gateway has one base URL per provider.
"""

import argparse
import asyncio
import os
import re
from collections import deque
from typing import cast

import uvloop

from benches.load import answers

PACE_SECONDS = 0.005

_STREAM = re.compile(rb'"stream"\s*:\s*true')
_USAGE = re.compile(rb'"include_usage"\s*:\s*true')
_PACED = re.compile(rb'"user"\s*:\s*"paced"')
_LENGTH = b"\r\ncontent-length:"

_HEADERS = (
    b"date: Fri, 20 Nov 2026 12:00:00 GMT\r\n"
    b"x-request-id: req_3f8a8a4e1c9b4bd2b6c6c9a1f2b0d6a7\r\n"
    b"openai-processing-ms: 412\r\n"
    b"openai-version: 2020-10-01\r\n"
    b"x-ratelimit-limit-requests: 30000\r\n"
    b"x-ratelimit-remaining-requests: 29999\r\n"
    b"x-ratelimit-reset-requests: 2ms\r\n"
)


def _whole(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\n%bcontent-type: application/json\r\n" % (status, _HEADERS)
    return head + b"content-length: %d\r\n\r\n%b" % (len(body), body)


def _writes(include_usage: bool) -> list[bytes]:
    """A stream as the list of its socket writes: one HTTP chunk per event; the head goes with the first."""
    head = b"HTTP/1.1 200 OK\r\n%bcontent-type: text/event-stream; charset=utf-8\r\n" % _HEADERS
    chunks = [b"%x\r\n%b\r\n" % (len(event), event) for event in answers.events(include_usage)]
    chunks[0] = head + b"transfer-encoding: chunked\r\n\r\n" + chunks[0]
    chunks[-1] += b"0\r\n\r\n"
    return chunks


_COMPLETION = _whole(b"200 OK", answers.completion())
_MODELS = _whole(b"200 OK", answers.models())
_LENGTH_REQUIRED = _whole(b"411 Length Required", b'{"error":{"message":"send a content-length"}}')
_STREAMS = {usage: _writes(usage) for usage in (False, True)}


class Provider(asyncio.Protocol):
    """One connection: answers its requests in order, whatever way they are split over reads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._unread = bytearray()
        self._waiting: deque[bytes] = deque()
        self._paced: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not its subclasses
        self._fd: int = transport.get_extra_info("socket").fileno()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._paced:
            self._paced.cancel()

    def data_received(self, data: bytes) -> None:
        if self._unread:
            self._unread += data
            data = bytes(self._unread)
            self._unread.clear()
        while (size := self._first_request(data)) and len(data) >= size:
            if self._paced:
                self._waiting.append(data[:size])
            else:
                self._answer(data[:size])
            data = data[size:]
        self._unread += data

    def _first_request(self, data: bytes) -> int:
        """The size of the first request in `data`; 0 while its head is incomplete."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return 0
        _, _, length = data[:end].lower().partition(_LENGTH)
        return end + 4 + int(length.partition(b"\r\n")[0] or 0)

    def _answer(self, request: bytes) -> None:
        if request.startswith(b"GET"):
            self._transport.write(_MODELS)
        elif request.endswith(b"\r\n\r\n"):
            self._transport.write(_LENGTH_REQUIRED)
            self._transport.close()
        elif not _STREAM.search(request):
            self._transport.write(_COMPLETION)
        else:
            writes = _STREAMS[bool(_USAGE.search(request))]
            if _PACED.search(request):
                self._pace(writes, 0, self._loop.time())
            else:
                self._burst(writes)

    def _burst(self, writes: list[bytes]) -> None:
        """Past the transport, which would join what one turn of the loop writes into one system call."""
        try:
            for at, piece in enumerate(writes):
                sent = 0 if self._transport.get_write_buffer_size() else os.write(self._fd, piece)
                if sent < len(piece):
                    self._transport.writelines([piece[sent:], *writes[at + 1 :]])
                    return
        except BlockingIOError:
            self._transport.writelines(writes[at:])
        except OSError:
            self._transport.abort()

    def _pace(self, writes: list[bytes], at: int, start: float) -> None:
        self._transport.write(writes[at])
        at += 1
        if at < len(writes):
            self._paced = self._loop.call_at(start + at * PACE_SECONDS, self._pace, writes, at, start)
            return
        self._paced = None
        while self._waiting and not self._paced:
            self._answer(self._waiting.popleft())


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Provider(loop), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m benches.load.mock", description=__doc__)
    arguments.add_argument("--port", type=int, required=True)
    uvloop.run(serve(arguments.parse_args().port))


if __name__ == "__main__":
    main()
