"""The controller, as a worker sees it: tables and their changes come over one WebSocket, what the worker counts goes back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Protocol

import aiohttp
import orjson

from gateway.inheritance import MARK, NAME
from gateway.policy.tables import Tables

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.1
FIRST_WORD_SECONDS = 30.0
GOODBYE_SECONDS = 1.0


class Obedient(Protocol):
    """Who does as the controller says."""

    def obey(self, tables: Tables) -> None: ...
    def hear(self, troubles: Mapping[str, str]) -> None: ...
    def gauges(self) -> Mapping[str, float]: ...


class Controller:
    """The link to the controller at a socket's path. `present` says whether there is one just now.

    `name` is the worker's own: by it the controller knows one that comes back.
    """

    def __init__(self, path: str, name: str = "") -> None:
        self.path = path
        self._name = name
        self._tables: Tables | None = None
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    @property
    def present(self) -> bool:
        return self._socket is not None and not self._socket.closed

    async def first_tables(self) -> Tables:
        """Waits for a controller, and gives the tables that it begins with."""
        while (message := await self._connect()) is None:  # noqa: ASYNC110 - nothing here tells when it comes
            await asyncio.sleep(RETRY_SECONDS)
        await self._answer(message, {})
        self._tables = Tables.of(message["tables"])
        return self._tables

    async def serving(self, greeting: Mapping[str, Any]) -> None:
        """Tells the controller that this worker has begun to serve."""
        if self._socket is not None:
            await self._socket.send_bytes(orjson.dumps({"serving": greeting}))

    async def follow(self, worker: Obedient) -> None:
        """Passes on what the controller says until it is gone, or is not there at all."""
        if not self.present:
            message = await self._connect()
            if message is None:
                return
            log.info("there is a controller again")
            await self._heed(message, worker)
        if (socket := self._socket) is not None:
            async for raw in socket:
                if raw.type is aiohttp.WSMsgType.BINARY:
                    await self._heed(orjson.loads(raw.data), worker)
        self._socket = None
        log.warning("the controller has gone; calls go on as it last decided")

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._session is not None:
            await self._session.close()

    async def _connect(self) -> dict[str, Any] | None:
        """Opens the link and reads its first message, which has the tables; None where nobody answers."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(self.path))
        try:
            socket = await self._session.ws_connect(
                "http://controller/link",
                headers={**MARK, NAME: self._name},
                max_msg_size=0,
                timeout=aiohttp.ClientWSTimeout(ws_close=GOODBYE_SECONDS),
            )
            return await self._welcome(socket)
        except (aiohttp.ClientError, TimeoutError, TypeError, ValueError, OSError):
            return None

    async def _welcome(self, socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
        """Reads the first message, and keeps the link if it is one."""
        try:
            message: dict[str, Any] = orjson.loads(await socket.receive_bytes(timeout=FIRST_WORD_SECONDS))
        except BaseException:
            await socket.close()
            raise
        self._socket = socket
        return message

    async def _heed(self, message: dict[str, Any], worker: Obedient) -> None:
        if "tables" in message:
            self._tables = Tables.of(message["tables"])
            worker.obey(self._tables)
        elif "changes" in message and self._tables is not None:
            self._tables = self._tables.changed(message["changes"])
            worker.obey(self._tables)
        if "troubles" in message:
            worker.hear(message["troubles"])
        await self._answer(message, worker.gauges())

    async def _answer(self, message: dict[str, Any], gauges: Mapping[str, float]) -> None:
        if self._socket is not None:
            await self._socket.send_bytes(orjson.dumps({"id": message["id"], "gauges": gauges}))
