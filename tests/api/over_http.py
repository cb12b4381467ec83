"""The scripted route behind a real server: calls come over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import httpx2 as httpx

from gateway.api.calls import Calls
from gateway.api.formats import FORMATS
from gateway.api.request import ServerOptions
from gateway.api.server import Server
from gateway.chat.format import Format
from tests.scripted import SECRET, Route


@asynccontextmanager
async def served(route: Route, formats: Iterable[Format] = FORMATS) -> AsyncIterator[httpx.AsyncClient]:
    """A client, with the route's key, of a server that takes calls in these formats."""
    options = ServerOptions()
    calls = [(format, Calls(format, route.canon, route.pipeline, options)) for format in formats]
    routes = {path: {"POST": call.answer} for format, call in calls for path in format.paths}
    server = Server(routes, options, prefix="0" * 16)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    headers = {"authorization": f"Bearer {SECRET}"}
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=10) as client:
            yield client
    finally:
        listener.close()
        server.stop_sweeping()
        await server.shutdown(0)
        await route.flights.settled()
