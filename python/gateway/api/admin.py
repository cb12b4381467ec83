"""The operator's endpoints, all behind the admin key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import orjson

from gateway.api import wire
from gateway.api.credentials import credential
from gateway.api.request import Request
from gateway.errors import InvalidRequest
from gateway.policy.keys import Keyring

Costs = Callable[[str | None, str | None, str | None], Awaitable[dict[str, Any]]]
_PARAMETERS = {"from", "to", "group_by"}


class Admin:
    """GET /admin/analytics/costs."""

    def __init__(self, keys: Keyring, costs: Costs) -> None:
        self._keys, self._costs = keys, costs

    async def costs(self, request: Request) -> wire.Reply:
        self._keys.require_admin(credential(request.header))
        query = dict(parse_qsl(request.target.partition("?")[2], keep_blank_values=True))
        if unknown := set(query) - _PARAMETERS:
            raise InvalidRequest(
                f"Unknown parameter '{min(unknown)[:40]}': use from, to and group_by.",
                param=min(unknown)[:40],
            )
        report = await self._costs(query.get("from"), query.get("to"), query.get("group_by"))
        return wire.reply(request, 200, orjson.dumps(report))
