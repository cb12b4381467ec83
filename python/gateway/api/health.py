"""/health/live and /health/ready."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from gateway.api import wire
from gateway.api.request import Request


class Health:
    """`ready` gives what is wrong, by name; nothing wrong is ready."""

    def __init__(self, ready: Callable[[], dict[str, str]]) -> None:
        self._ready = ready

    async def live(self, request: Request) -> wire.Reply:
        return wire.reply(request, 200, b'{"status":"alive"}')

    async def ready(self, request: Request) -> wire.Reply:
        wrong = self._ready()
        body = orjson.dumps({"status": "not ready", "reasons": wrong} if wrong else {"status": "ready"})
        return wire.reply(request, 503 if wrong else 200, body)
