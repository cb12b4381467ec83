"""HTTP on the controller's own socket: what workers forward, and what the gateway's own processes ask."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.errors import GatewayError, MethodNotAllowed, NotFound
from gateway.inheritance import MARK

log = logging.getLogger(__name__)

Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]
LARGEST_BODY = 4 << 20


def application(public: dict[str, Endpoint], internal: dict[str, Endpoint]) -> web.Application:
    """The routes, each `METHOD path`. `internal` ones answer only what the gateway's own processes send."""
    app = web.Application(middlewares=[_errors], client_max_size=LARGEST_BODY)
    guarded = {route: _own_processes_only(endpoint) for route, endpoint in internal.items()}
    for route, endpoint in (public | guarded).items():
        method, _, path = route.partition(" ")
        app.router.add_route(method, path, endpoint)
    return app


def _own_processes_only(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: web.Request) -> web.StreamResponse:
        if any(request.headers.get(name) != value for name, value in MARK.items()):
            raise NotFound(f"{request.method} {request.path} is not supported.")
        return await endpoint(request)

    return guarded


@web.middleware
async def _errors(request: web.Request, handler: Endpoint) -> web.StreamResponse:
    """Whatever goes wrong is an error in OpenAI's shape."""
    try:
        return await handler(request)
    except GatewayError as error:
        return _failure(error)
    except web.HTTPMethodNotAllowed as error:
        return _failure(MethodNotAllowed(headers={"allow": ", ".join(sorted(error.allowed_methods))}))
    except web.HTTPNotFound:
        return _failure(NotFound(f"{request.method} {request.path[:200]} is not supported."))
    except ConnectionError:  # nobody is there any more
        return web.Response(status=499)
    except Exception:
        log.exception("%s %s failed", request.method, request.path[:200])
        return _failure(GatewayError())


def _failure(error: GatewayError) -> web.Response:
    return web.Response(
        status=error.status, body=error.body(), headers=dict(error.headers), content_type="application/json"
    )
