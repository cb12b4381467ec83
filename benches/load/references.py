"""What the gateway is measured against: aiohttp with nothing on top.

    python -m benches.load.references handler --port 9001
    python -m benches.load.references proxy --port 9002 --upstream http://127.0.0.1:9000

`handler` reads JSON and answers 1 KB of it; `proxy` passes the call through to the provider.
"""

import argparse
import asyncio
import logging
from collections.abc import AsyncIterator

import orjson
import uvloop
from aiohttp import ClientSession, TCPConnector, web

from benches.load import answers

_COMPLETION = answers.completion()
_PATH = "/v1/chat/completions"


async def ready(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def complete(request: web.Request) -> web.Response:
    orjson.loads(await request.read())
    return web.Response(body=_COMPLETION, content_type="application/json")


class Relay:
    def __init__(self, upstream: str) -> None:
        self._url = upstream + _PATH

    async def session(self, _: web.Application) -> AsyncIterator[None]:
        async with ClientSession(connector=TCPConnector(limit=0)) as self._session:
            yield

    async def relay(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {"content-type": "application/json", "authorization": "Bearer x"}
        async with self._session.post(self._url, data=body, headers=headers) as answer:
            kind = {"content-type": answer.headers["content-type"]}
            if "content-length" in answer.headers:
                return web.Response(status=answer.status, body=await answer.read(), headers=kind)
            stream = web.StreamResponse(status=answer.status, headers=kind)
            await stream.prepare(request)
            async for piece in answer.content.iter_any():
                await stream.write(piece)
            return stream


def handler() -> web.Application:
    app = web.Application()
    app.add_routes([web.post(_PATH, complete), web.get("/health/ready", ready)])
    return app


def proxy(upstream: str) -> web.Application:
    relay = Relay(upstream)
    app = web.Application()
    app.add_routes([web.post(_PATH, relay.relay), web.get("/health/ready", ready)])
    app.cleanup_ctx.append(relay.session)
    return app


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m benches.load.references", description=__doc__)
    arguments.add_argument("which", choices=["handler", "proxy"])
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--upstream", default="")
    chosen = arguments.parse_args()
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # the tracebacks of clients that leave cost time
    app = proxy(chosen.upstream) if chosen.which == "proxy" else handler()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    web.run_app(app, host="127.0.0.1", port=chosen.port, access_log=None, print=None)


if __name__ == "__main__":
    main()
