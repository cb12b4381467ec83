"""What is the controller's to answer: forwarded as it came, over the controller's own socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp
from yarl import URL

from gateway.api import wire
from gateway.api.body import read_body
from gateway.api.controller import Controller
from gateway.api.request import Request, ServerOptions
from gateway.chat.names import clean
from gateway.errors import ControllerAway

SECONDS = 30.0
_SOON = {"retry-after": "1"}
_PASSED_IN = (
    "accept", "authorization", "x-api-key", "api-key", "x-goog-api-key", "content-type", "host", "origin", "user-agent",
)  # fmt: skip
_PASSED_BACK = (
    "allow", "cache-control", "content-security-policy", "referrer-policy", "retry-after", "vary", "x-content-type-options",
)  # fmt: skip


class Forward:
    """An endpoint that asks the controller."""

    def __init__(self, controller: Controller, options: ServerOptions) -> None:
        self._controller, self._options = controller, options
        self._session: aiohttp.ClientSession | None = None

    async def any(self, request: Request) -> wire.Reply:
        """The controller's answer to a client's request; raises `ControllerAway`."""
        if not self._controller.present:
            raise ControllerAway(headers=_SOON)
        body = await read_body(request, self._options) if request.method not in ("GET", "HEAD") else None
        # In a task: aiohttp's timeouts need one, and a request that is answered at once has none.
        status, headers, content = await asyncio.create_task(self._ask(request, body))
        passed = {name: value for name in _PASSED_BACK if (value := headers.get(name))}
        kind = clean(headers.get("content-type", wire.JSON))
        return wire.reply(request, status, content, wire.headers(passed), content_type=kind)

    async def _ask(self, request: Request, body: bytes | None) -> tuple[int, Mapping[str, str], bytes]:
        url = URL(f"http://controller{request.target}", encoded=True)
        headers = {name: value for name in _PASSED_IN if (value := request.header(name))}
        method = "GET" if request.method == "HEAD" else request.method
        asked = self._open().request(method, url, headers=headers, data=body, allow_redirects=False)
        try:
            async with asked as answer:
                return answer.status, answer.headers, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ControllerAway(headers=_SOON) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(self._controller.path, limit=16),
                timeout=aiohttp.ClientTimeout(total=SECONDS),
                auto_decompress=False,
                skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session
