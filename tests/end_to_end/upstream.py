"""A provider that does what a test tells it to, byte by byte: a raw server in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

HANG = object()
"""In a script: wait until the client goes away."""
RESET = object()
"""In a script: cut the connection without a word."""
CLOSE = object()
"""In a script: send what is to be sent, then close the connection in order."""

Script = Callable[["Received"], AsyncIterator[Any]]


@dataclass
class Received:
    """One request as the provider saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class Upstream:
    """`answer` decides what every request gets; `received` holds what came, `hung_up` how many clients left early,
    `accepted` how many connections were made and `open` how many there are. `keepalive` says for how many seconds a connection
    may be idle."""

    answer: Script = field(default_factory=lambda: completion("Hello there."))
    received: list[Received] = field(default_factory=list)
    hung_up: int = 0
    keepalive: Callable[[], float | None] = lambda: None
    accepted: int = 0
    open: int = 0
    port: int = 0

    @property
    def calls(self) -> list[Received]:
        """The chat calls, without what the gateway asks for its list of models."""
        return [request for request in self.received if request.path.endswith("/chat/completions")]

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def reset(self) -> Upstream:
        """Forgets what came, and answers as it did at first."""
        self.received.clear()
        self.hung_up = self.accepted = 0
        self.keepalive = lambda: None
        self.answer = completion("Hello there.")
        return self

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()

        def run() -> None:
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(self._listen(ready))
            self._loop.run_forever()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        ready.wait()

    def stop(self) -> None:
        async def close() -> None:
            self._server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(0)
            self._loop.stop()

        self._loop.call_soon_threadsafe(lambda: self._loop.create_task(close()))
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _listen(self, ready: threading.Event) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=4096)
        self.port = self._server.sockets[0].getsockname()[1]
        ready.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.open += 1
        idle: float | None = None
        try:
            while (request := await asyncio.wait_for(_read(reader), idle)) is not None:
                self.received.append(request)
                script = models() if request.path.endswith("/models") else self.answer(request)
                if not await self._play(script, reader, writer):
                    return
                idle = self.keepalive()
        except TimeoutError:
            return
        except (ConnectionError, asyncio.IncompleteReadError):
            self.hung_up += 1
        finally:
            self.open -= 1
            writer.close()

    async def _play(
        self, script: AsyncIterator[Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Sends what the script yields; False when the connection is over."""
        async for step in script:
            if step is RESET:
                writer.transport.abort()
                return False
            if step is CLOSE:
                return False
            if step is HANG:
                await reader.read()
                self.hung_up += 1
                return False
            if isinstance(step, float):
                await _sleep_or_hang_up(step, reader)
            else:
                writer.write(step)
                await writer.drain()
        return True


async def _sleep_or_hang_up(seconds: float, reader: asyncio.StreamReader) -> None:
    await asyncio.sleep(seconds)
    if reader.at_eof():
        raise ConnectionResetError


async def _read(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    line, *rest = head.decode("latin-1").split("\r\n")
    method, path, _ = line.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (entry.partition(":") for entry in rest if entry)}
    return Received(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))


def response(status: int, body: bytes, **headers: str) -> bytes:
    """One response with its length."""
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    start = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{extra}content-length: {len(body)}\r\n\r\n"
    return start.encode() + body


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(payload: Any) -> bytes:
    """One SSE event in one chunk."""
    data = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    return chunk(b"data: " + data + b"\n\n")


def delta(text: str | None = None, *, finish: str | None = None, usage: Any = None, **fields: Any) -> dict[str, Any]:
    """A `chat.completion.chunk` with one choice."""
    content = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": {**content, **fields}, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [choice],
        "usage": usage,
    }


USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


async def models() -> AsyncIterator[Any]:
    yield response(200, b'{"object":"list","data":[{"id":"gpt-4o-mini"}]}')


async def whole(text: str, usage: Any = USAGE, **message: Any) -> AsyncIterator[Any]:
    reply = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
        ],
        "usage": usage,
    }
    yield response(200, orjson.dumps(reply))


async def streamed(text: str, usage: Any = USAGE, pause: float = 0.0) -> AsyncIterator[Any]:
    yield STREAM_HEAD
    yield event(delta("", role="assistant"))
    for word in text.split(" "):
        if pause:
            yield pause
        yield event(delta(word + " "))
    yield event(delta(finish="stop"))
    if usage is not None:
        yield event({**delta(usage=usage), "choices": []})
    yield event(b"[DONE]")
    yield END


def completion(text: str, **options: Any) -> Script:
    """Answers with `text`, whole or streamed as the request asks."""
    return lambda request: (streamed if request.json.get("stream") else whole)(text, **options)
