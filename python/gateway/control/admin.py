"""What operators ask: analytics, metrics, the start page. Analytics are behind the admin key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from gateway.api.credentials import credential
from gateway.control import pages
from gateway.errors import InvalidRequest
from gateway.policy.keys import Keyring

Costs = Callable[[str | None, str | None, str | None], Awaitable[dict[str, Any]]]
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PARAMETERS = {"from", "to", "group_by"}


class Admin:
    """GET /, GET /metrics and GET /admin/analytics/costs."""

    def __init__(
        self,
        keys: Keyring,
        *,
        costs: Costs,
        exposition: Callable[[], Awaitable[bytes]],
        state: Callable[[str], pages.State],
    ) -> None:
        """`state` gives what the page tells who reached the gateway at an address."""
        self._keys, self._costs, self._exposition, self._state = keys, costs, exposition, state

    async def page(self, request: web.Request) -> web.Response:
        kind, body = pages.page(self._state(f"http://{request.host}"), request.headers.get("accept", ""))
        return web.Response(body=body, headers={"content-type": kind, **pages.HEADERS})

    async def costs(self, request: web.Request) -> web.Response:
        self._keys.require_admin(credential(lambda name: request.headers.get(name, "")))
        if unknown := set(request.query) - _PARAMETERS:
            name = min(unknown)[:40]
            raise InvalidRequest(f"Unknown parameter '{name}': use from, to and group_by.", param=name)
        report = await self._costs(*(request.query.get(name) for name in ("from", "to", "group_by")))
        return web.Response(body=orjson.dumps(report), content_type="application/json")

    async def metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=await self._exposition(), headers={"content-type": METRICS_TYPE})
