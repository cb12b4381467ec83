"""The access log: one JSON line a request, for those who ask for it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import orjson

from gateway.api import wire
from gateway.api.request import Client, Request

Serve = Callable[[Request], Coroutine[Any, Any, wire.Reply]]
LONGEST_PATH = 200
HUNG_UP = 499
"""The status of a request whose client left before it was answered."""


class AccessLog:
    """Writes a line once a request is answered: its id, key, method, path, status, microseconds and the answer's bytes.

    `clock` gives nanoseconds; `write` takes a line.
    """

    def __init__(self, write: Callable[[bytes], object], clock: Callable[[], int]) -> None:
        self._write, self._clock = write, clock

    async def watch(self, serve: Serve, request: Request) -> wire.Reply:
        """Answers a request and logs it."""
        began = self._clock()
        request.connection = meter = Meter(request.connection)
        try:
            reply = await serve(request)
            reply.write(meter)
            return wire.Reply(b"", b"", reply.keep_alive)
        finally:
            self._write(self._line(request, meter, (self._clock() - began) // 1000))

    def _line(self, request: Request, meter: Meter, us: int) -> bytes:
        fields = {
            "id": request.id,
            "request_id": request.request_id,
            "key": request.caller or None,
            "method": request.method,
            "path": request.path[:LONGEST_PATH],
            "status": meter.status,
            "us": us,
            "bytes": meter.sent,
        }
        return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


class Meter:
    """A client of which it is known what it was sent."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.status, self.sent = HUNG_UP, 0

    @property
    def blocked_since(self) -> float | None:
        return self._client.blocked_since

    def send(self, data: bytes) -> None:
        self._client.send(data)
        if not self.sent:
            self.status = int(data[9:12])
        self.sent += len(data)

    async def drain(self) -> None:
        await self._client.drain()

    def force_close(self) -> None:
        self._client.force_close()
