"""The workers, as the controller sees them: each holds a WebSocket open, takes tables from it and says how it is.

Every message from here is `{"id": n, …}`, perhaps with `tables` or `troubles`, and is answered by `{"id": n, "gauges": {…}}`.
A worker that has begun to serve says `{"serving": {…}}`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from aiohttp import WSMsgType, web

log = logging.getLogger(__name__)

ANSWER_SECONDS = 0.25
OBEY_SECONDS = 2.0
LARGEST_ANSWER = 1 << 20


class Worker:
    """One worker's connection, and the gauges that it told last."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._count = 0
        self.gauges: Mapping[str, float] = {}

    async def say(self, message: dict[str, Any], seconds: float) -> bool:
        """Sends a message and waits for its answer; False when none came in time."""
        number = self._count = self._count + 1
        answered = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                await self._socket.send_bytes(orjson.dumps({"id": number, **message}))
                await answered
        except (TimeoutError, ConnectionError):
            return False
        finally:
            del self._waiting[number]
        return True

    def heard(self, answer: dict[str, Any]) -> None:
        """Takes in an answer."""
        self.gauges = answer["gauges"]
        if (waiting := self._waiting.get(answer["id"])) is not None and not waiting.done():
            waiting.set_result(None)

    async def end(self) -> None:
        await self._socket.close()


class Link:
    """All workers. `introduction` is the first message to each; `serving` is told what a worker says when it begins to serve.

    `counters` names the gauges that only rise: what a worker counted stays counted when it is gone.
    """

    def __init__(
        self,
        introduction: Callable[[], dict[str, Any]],
        serving: Callable[[dict[str, Any]], None],
        counters: frozenset[str],
    ) -> None:
        self._introduction, self._serving, self._counters = introduction, serving, counters
        self._workers: set[Worker] = set()
        self._departed: Counter[str] = Counter()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Holds one worker's connection until it ends."""
        socket = web.WebSocketResponse(max_msg_size=LARGEST_ANSWER, compress=False)
        await socket.prepare(request)
        worker = Worker(socket)
        self._workers.add(worker)
        introduction = asyncio.create_task(worker.say(self._introduction(), OBEY_SECONDS))
        try:
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    self._heard(worker, orjson.loads(message.data))
        finally:
            introduction.cancel()
            self._workers.discard(worker)
            self._departed.update({name: worker.gauges.get(name, 0) for name in self._counters})
        return socket

    async def push(self, message: dict[str, Any]) -> None:
        """Tells every worker; returns once they have taken it in, or after `OBEY_SECONDS`."""
        await asyncio.gather(*(worker.say(message, OBEY_SECONDS) for worker in list(self._workers)))

    async def gauges(self) -> dict[str, float]:
        """The workers' gauges, summed; of one that does not answer, what it said last."""
        await asyncio.gather(*(worker.say({}, ANSWER_SECONDS) for worker in list(self._workers)))
        total: Counter[str] = Counter(self._departed)
        for worker in self._workers:
            total.update(worker.gauges)
        return dict(total)

    async def close(self) -> None:
        """Ends every connection; the workers come back to the next controller."""
        for worker in list(self._workers):
            await worker.end()

    def __len__(self) -> int:
        return len(self._workers)

    def _heard(self, worker: Worker, message: dict[str, Any]) -> None:
        if "serving" in message:
            self._serving(message["serving"])
        else:
            worker.heard(message)
