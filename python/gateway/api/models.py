"""GET /v1/models and /v1/models/{id}: what can be asked for."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

import orjson

from gateway.api import wire
from gateway.api.credentials import credential
from gateway.api.request import Request
from gateway.chat.names import NAME_BYTES
from gateway.errors import ModelNotFound, PermissionRefused
from gateway.policy.keys import Key, Keyring
from gateway.policy.route import Router

PREFIX = "/v1/models/"
MOST_KEPT = 64
"""Lists that are kept, one for each set of patterns among the keys."""


class Models:
    """Lists the models that the caller's key may use. `listed` gives the same list as long as it has not changed."""

    def __init__(self, keys: Keyring, router: Router, listed: Callable[[], list[tuple[str, str]]]) -> None:
        self._keys, self._router, self._listed = keys, router, listed
        self._rows: list[tuple[str, str]] = []
        self._bodies: dict[tuple[str, ...], bytes] = {}

    async def index(self, request: Request) -> wire.Reply:
        key = self._keys.authenticate(credential(request.header))
        request.caller = key.id
        return wire.reply(request, 200, self._body(key))

    async def one(self, request: Request) -> wire.Reply:
        key = self._keys.authenticate(credential(request.header))
        request.caller = key.id
        name = unquote(request.path.removeprefix(PREFIX))
        if len(name.encode()) > NAME_BYTES:
            raise ModelNotFound(f"A model's name has at most {NAME_BYTES} bytes.", param="model")
        key.permit(name)
        target = self._router.plan(name)[0].target
        return wire.reply(request, 200, orjson.dumps(_row(name, target.provider.name)))

    def _body(self, key: Key) -> bytes:
        """The list as JSON; made once for all keys with the same patterns."""
        rows = self._listed()
        if rows is not self._rows or len(self._bodies) >= MOST_KEPT:
            self._rows = rows
            self._bodies.clear()
        body = self._bodies.get(key.models)
        if body is None:
            data = [_row(name, owner) for name, owner in rows if _permits(key, name)]
            body = self._bodies[key.models] = orjson.dumps({"object": "list", "data": data})
        return body


def _row(name: str, owner: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}


def _permits(key: Key, model: str) -> bool:
    try:
        key.permit(model)
    except PermissionRefused:
        return False
    return True
