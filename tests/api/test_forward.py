from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.api.controller import Controller
from gateway.api.forward import Forward
from gateway.api.request import ServerOptions
from gateway.config.datadir import listen_for_workers
from gateway.errors import ControllerAway


class Sent:
    """A request as an endpoint sees it, and the reply's bytes."""

    connection: Any = None
    keep_alive = chunked = True
    unread = False
    lines = "x-request-id: 1\r\n"

    def __init__(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.method, self.target, self._headers, self._body = method, target, headers or {}, body
        self.written = b""

    def header(self, name: str, /) -> str:
        return self._headers.get(name, "")

    async def body(self, options: ServerOptions) -> bytes:
        return self._body

    def send(self, data: bytes) -> None:
        self.written += data


class Linked(Controller):
    """A controller that is taken to be there."""

    present = True  # type: ignore[assignment]


@pytest.fixture
def seen() -> list[tuple[str, str, dict[str, str], bytes]]:
    return []


@pytest.fixture
async def forward(tmp_path: Path, seen: list[Any]) -> AsyncIterator[Callable[[Sent], Any]]:
    async def answer(request: web.Request) -> web.Response:
        seen.append((request.method, request.raw_path, dict(request.headers), await request.read()))
        return web.Response(
            status=202, text="as it came", headers={"vary": "1", "set-cookie": "2", "content-type": "text/x"}
        )

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.SockSite(runner, listen_for_workers(tmp_path)).start()
    endpoint = Forward(Linked(str(tmp_path / "control.sock")), ServerOptions())

    async def send(request: Sent) -> bytes:
        (await endpoint.any(request)).write(request)
        return request.written

    yield send
    await endpoint.close()
    await runner.cleanup()


async def test_a_request_and_its_answer_pass_as_they_came(forward: Any, seen: list[Any]) -> None:
    headers = {"authorization": "Bearer k", "accept": "text/html", "content-type": "application/json"}

    written = await forward(Sent("POST", "/admin/keys?name=a%2Fb&x=%20", headers, b'{"a":1}'))

    ((method, target, passed, body),) = seen
    assert (method, target, body) == ("POST", "/admin/keys?name=a%2Fb&x=%20", b'{"a":1}')
    assert {name.lower(): value for name, value in passed.items()}.items() >= headers.items()
    head, _, content = written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 202 ")
    assert b"vary: 1" in head
    assert b"content-type: text/x" in head
    assert content == b"as it came"


async def test_only_listed_headers_pass_either_way(forward: Any, seen: list[Any]) -> None:
    written = await forward(Sent("GET", "/", {"gateway-process": "1", "cookie": "a=b", "accept": "*/*"}))

    ((_, _, passed, _),) = seen
    assert {name.lower() for name in passed} <= {"accept", "host", "connection"}
    assert b"set-cookie" not in written


async def test_a_head_request_has_no_body(forward: Any) -> None:
    assert (await forward(Sent("HEAD", "/"))).endswith(b"\r\n\r\n")


@pytest.mark.parametrize("controller", [Linked, Controller])
async def test_without_a_controller_it_is_a_503_that_says_when_to_come_back(
    tmp_path: Path, controller: type[Controller]
) -> None:
    endpoint = Forward(controller(str(tmp_path / "control.sock")), ServerOptions())

    with pytest.raises(ControllerAway) as away:
        await endpoint.any(Sent("GET", "/metrics"))

    assert (away.value.status, away.value.headers["retry-after"]) == (503, "1")
    await endpoint.close()
