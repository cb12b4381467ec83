"""/health/live, /health/ready and /metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson

from gateway.api import wire
from gateway.api.request import Request

TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Health:
    """`ready` gives what is wrong, by name; nothing wrong is ready."""

    def __init__(self, ready: Callable[[], dict[str, str]], metrics: Callable[[], Awaitable[bytes]]) -> None:
        self._ready, self._metrics = ready, metrics

    async def live(self, request: Request) -> wire.Reply:
        return wire.reply(request, 200, b'{"status":"alive"}')

    async def ready(self, request: Request) -> wire.Reply:
        wrong = self._ready()
        body = orjson.dumps({"status": "not ready", "reasons": wrong} if wrong else {"status": "ready"})
        return wire.reply(request, 503 if wrong else 200, body)

    async def metrics(self, request: Request) -> wire.Reply:
        return wire.reply(request, 200, await self._metrics(), content_type=TEXT)
