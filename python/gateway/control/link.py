"""The workers, as the controller sees them: each holds a WebSocket open, takes tables from it and says how it is.

Every message from here is `{"id": n, …}`, perhaps with `tables`, `changes` to them or `troubles`, and is answered by
`{"id": n, "gauges": {…}}`. The first has the whole tables.
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

from gateway.inheritance import NAME

log = logging.getLogger(__name__)

ANSWER_SECONDS = 0.25
OBEY_SECONDS = 2.0
LARGEST_ANSWER = 1 << 20
MOST_DEPARTED = 16
"""Workers that have gone, but may come back, whose counts are told apart."""


class Worker:
    """One worker's connection, and the gauges it last reported."""

    def __init__(self, socket: web.WebSocketResponse, gauges: Mapping[str, float]) -> None:
        self._socket = socket
        self._waiting: dict[int, asyncio.Future[bool]] = {}
        self._count = 0
        self.gauges = gauges

    async def say(self, message: dict[str, Any], seconds: float) -> bool:
        """Sends a message and waits for its answer; False when none came in time."""
        number = self._count = self._count + 1
        answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answered
        try:
            async with asyncio.timeout(seconds):
                await self._socket.send_bytes(orjson.dumps({"id": number, **message}))
                return await answered
        except (TimeoutError, ConnectionError):
            return False
        finally:
            del self._waiting[number]

    def heard(self, answer: dict[str, Any]) -> None:
        """Takes in an answer."""
        self.gauges = answer["gauges"]
        if (waiting := self._waiting.get(answer["id"])) is not None and not waiting.done():
            waiting.set_result(True)

    def left(self) -> None:
        """It has gone: whoever waits for an answer waits no longer."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(False)

    async def end(self) -> None:
        await self._socket.close()


class Link:
    """All workers. `introduction` is the first message to each; `serving` is called with what a worker says when it begins to
    serve.

    `counters` names the gauges that only rise: what a worker counted stays counted when it is gone, and is not counted again
    when it comes back.
    """

    def __init__(
        self,
        introduction: Callable[[], dict[str, Any]],
        serving: Callable[[dict[str, Any]], None],
        counters: frozenset[str],
    ) -> None:
        self._introduction, self._serving, self._counters = introduction, serving, counters
        self._workers: dict[str, Worker] = {}
        self._departed: dict[str, Mapping[str, float]] = {}
        self._gone: Counter[str] = Counter()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Holds one worker's connection until it ends."""
        socket = web.WebSocketResponse(max_msg_size=LARGEST_ANSWER, compress=False)
        await socket.prepare(request)
        name = request.headers.get(NAME) or f"unnamed {id(socket)}"
        before = self._workers.pop(name, None)  # its end may not have been noticed yet
        worker = self._workers[name] = Worker(socket, before.gauges if before else self._departed.pop(name, {}))
        introduction = asyncio.create_task(worker.say(self._introduction(), OBEY_SECONDS))
        try:
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    self._heard(worker, orjson.loads(message.data))
        finally:
            introduction.cancel()
            worker.left()
            if self._workers.get(name) is worker:
                del self._workers[name]
                self._depart(name, worker)
        return socket

    async def push(self, message: dict[str, Any]) -> None:
        """Tells every worker; returns once they have taken it in, or after `OBEY_SECONDS`."""
        await asyncio.gather(*(worker.say(message, OBEY_SECONDS) for worker in list(self._workers.values())))

    async def gauges(self) -> dict[str, float]:
        """The workers' gauges, summed; of one that does not answer, what it said last."""
        await asyncio.gather(*(worker.say({}, ANSWER_SECONDS) for worker in list(self._workers.values())))
        total = Counter(self._gone)
        for gauges in (*self._departed.values(), *(worker.gauges for worker in self._workers.values())):
            total.update(gauges)
        return dict(total)

    async def close(self) -> None:
        """Ends every connection; the workers come back to the next controller."""
        for worker in list(self._workers.values()):
            await worker.end()

    def _depart(self, name: str, worker: Worker) -> None:
        self._departed[name] = {counter: worker.gauges.get(counter, 0) for counter in self._counters}
        if len(self._departed) > MOST_DEPARTED:
            self._gone.update(self._departed.pop(next(iter(self._departed))))

    def _heard(self, worker: Worker, message: dict[str, Any]) -> None:
        if "serving" in message:
            self._serving(message["serving"])
        else:
            worker.heard(message)
