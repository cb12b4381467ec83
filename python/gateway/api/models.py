"""GET /v1/models and /v1/models/{id}: what can be asked for."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

import orjson

from gateway.api import wire
from gateway.api.credentials import credential
from gateway.api.request import Request
from gateway.api.server import new_id
from gateway.errors import PermissionRefused
from gateway.policy.keys import Key, Keyring
from gateway.policy.route import Router

PREFIX = "/v1/models/"


class Models:
    """Lists the models of the router, as far as the caller's key may use them."""

    def __init__(self, keys: Keyring, router: Router, listed: Callable[[], list[tuple[str, str]]]) -> None:
        self._keys, self._router, self._listed = keys, router, listed

    async def index(self, request: Request) -> wire.Reply:
        key = self._keys.authenticate(credential(request))
        rows = [_row(name, owner) for name, owner in self._listed() if _permits(key, name)]
        return _json(request, {"object": "list", "data": rows})

    async def one(self, request: Request) -> wire.Reply:
        key = self._keys.authenticate(credential(request))
        name = unquote(request.target.partition("?")[0].removeprefix(PREFIX))
        key.permit(name)
        target = self._router.plan(name)[0].target
        return _json(request, _row(name, target.provider.name))


def _row(name: str, owner: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}


def _permits(key: Key, model: str) -> bool:
    try:
        key.permit(model)
    except PermissionRefused:
        return False
    return True


def _json(request: Request, payload: object) -> wire.Reply:
    return wire.reply(request, 200, orjson.dumps(payload), f"x-request-id: {new_id()}\r\n")
