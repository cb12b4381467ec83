"""The transport for the scheme `demo`."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType

import orjson

from gateway.providers.base import Outgoing, Provider
from gateway.upstream.demo import chat, completions, embeddings
from gateway.upstream.demo.fields import Fields, Refused
from gateway.upstream.demo.pace import Read

LARGEST_BODY = 1 << 20
"""Bytes of a request: Python reads it, and holds everybody up meanwhile."""
_IN_NO_ANSWER = ("stream", "stream_options", "user", "metadata", "store")
"""What does not change the answer, so a stream says what a whole answer says."""

Endpoint = Callable[[bytes, Fields, str, int], Iterator[Read]]
ENDPOINTS: dict[str, Endpoint] = {
    "/chat/completions": chat.answer,
    "/completions": completions.answer,
    "/embeddings": embeddings.answer,
}


class DemoExchange:
    """An answer under way, one read per event."""

    def __init__(self, status: int, reads: Iterator[Read], *, streamed: bool = False) -> None:
        self.status = status
        self.headers: Mapping[str, str] = {"content-type": "text/event-stream" if streamed else "application/json"}
        self._reads = reads
        self._waited = 0.0

    async def __aenter__(self) -> DemoExchange:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    @property
    def waited_us(self) -> int:
        return int(self._waited * 1e6)

    async def read(self) -> bytes:
        pause, data = next(self._reads, (0.0, b""))
        self._waited += pause
        await asyncio.sleep(pause)
        return data


class Demo:
    """Answers requests by itself. `wall` gives the time in seconds since the epoch."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall

    async def send(self, provider: Provider, outgoing: Outgoing, hops: int = 0) -> DemoExchange:
        created = int(self._wall())
        if outgoing.path == "/models":
            model = {"id": "demo", "object": "model", "created": created, "owned_by": "llm-gateway"}
            return _one_read(200, {"object": "list", "data": [model]})
        outgoing.sent = True
        endpoint = ENDPOINTS.get(outgoing.path)
        if endpoint is None:
            return _refusal(404, f"The demo does not answer {outgoing.path}.", None)
        if len(outgoing.body) > LARGEST_BODY:
            return _refusal(413, f"The demo takes requests of at most {LARGEST_BODY >> 20} MiB.", None)
        return await asyncio.to_thread(_answer, endpoint, outgoing.body, created)

    async def close(self) -> None:
        return None


def _answer(endpoint: Endpoint, body: bytes, created: int) -> DemoExchange:
    """In a thread, since a long prompt takes some milliseconds to read and count."""
    try:
        members = orjson.loads(body)
        request = Fields(members)
        return DemoExchange(200, endpoint(body, request, _mark(members), created), streamed=request.flag("stream"))
    except Refused as refused:
        return _refusal(400, refused.message, refused.param)
    except orjson.JSONDecodeError as error:
        return _refusal(400, f"The demo cannot read this request: {error}.", None)


def _mark(members: dict[str, object]) -> str:
    """What sets this request's answer apart, as 64 hexadecimal digits."""
    asked = {name: value for name, value in members.items() if name not in _IN_NO_ANSWER}
    try:
        return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except TypeError:
        raise Refused("The request is nested too deeply for the demo.") from None


def _refusal(status: int, message: str, param: str | None) -> DemoExchange:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": None}
    return _one_read(status, {"error": error})


def _one_read(status: int, payload: dict[str, object]) -> DemoExchange:
    return DemoExchange(status, iter([(0.0, orjson.dumps(payload))]))
