"""A route without a network: the real pipeline over a scripted provider and a ledger in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Any

import orjson

from gateway.api.formats.chat import Chat
from gateway.cache.exact import Exact
from gateway.cache.flights import Flights
from gateway.cache.memo import Memory
from gateway.chat.call import Call
from gateway.chat.format import Format
from gateway.dispatch import Dispatch
from gateway.errors import LedgerFull
from gateway.ledger.entry import Entry
from gateway.ledger.prices import own_rate
from gateway.ledger.row import Row, interrupted, values
from gateway.ledger.settle import Settlement
from gateway.native import Canon
from gateway.pipeline import Pipeline
from gateway.policy.allowance import Allowance, Allowances, of_key
from gateway.policy.keys import Key, digest
from gateway.policy.route import Step
from gateway.providers.base import Outgoing, Provider, Target
from gateway.providers.openai import OpenAI

FOREVER = 3600.0
SECRET = "sk-gw-k-secret"
KEY = Key("k", digest(SECRET))
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
COST = 10 * 2_000_000 + 5 * 8_000_000
"""Picodollars of `USAGE` at the prices of `PriceList`."""


def event(**fields: Any) -> bytes:
    return b"data: " + orjson.dumps(fields) + b"\n\n"


def delta(text: str = "", finish: str | None = None, **more: Any) -> bytes:
    """One event of a streamed chat answer."""
    content = {"content": text} if text else {}
    return event(choices=[{"index": 0, "delta": content | more, "finish_reason": finish}])


ROLE = delta(role="assistant")
STREAM = [ROLE, delta("Hello"), delta(finish="stop"), event(choices=[], usage=USAGE), b"data: [DONE]\n\n"]


def whole(text: str = "Hello", **fields: Any) -> bytes:
    """A whole chat answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return orjson.dumps({"object": "chat.completion", "choices": [choice], "usage": USAGE, **fields})


class Script:
    """One exchange: reads, pauses (seconds, or an event to wait for) and errors, in order. `closed` is set once it is left."""

    def __init__(self, *acts: bytes | float | asyncio.Event | Exception, status: int = 200) -> None:
        self.acts, self.status = acts, status
        self.headers: dict[str, str] = {}
        self.waited_us = 1000
        self.closed = asyncio.Event()
        self._left = iter(acts)

    async def __aenter__(self) -> Script:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closed.set()

    async def read(self) -> bytes:
        for act in self._left:
            match act:
                case bytes():
                    return act
                case Exception():
                    raise act
                case asyncio.Event():
                    await act.wait()
                case _:
                    await asyncio.sleep(act)
        return b""


class Transport:
    """Answers each request with the next script; an exception instead of one is raised at once, an Event waited for."""

    def __init__(self, *scripts: Script | Exception | asyncio.Event) -> None:
        self.scripts = list(scripts)
        self.sent: list[tuple[str, Outgoing]] = []

    async def send(self, provider: Provider, outgoing: Outgoing, hops: int = 0) -> Script:
        script = self.scripts.pop(0)
        self.sent.append((provider.name, outgoing))
        outgoing.sent = True
        if isinstance(script, asyncio.Event):
            await script.wait()
            script = self.scripts.pop(0)
        if isinstance(script, Exception):
            raise script
        assert isinstance(script, Script)
        return script

    async def close(self) -> None: ...


class PriceList:
    """Two dollars a million tokens in, eight out; `unknown` models have no price."""

    def rate(self, target: Target) -> Any:
        return None if target.model == "unknown" else own_rate({"input": 2, "output": 8})


class Book:
    """The ledger: `rows` are what it says at the end, `journal` everything it was told, in order."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.journal: list[tuple[str, Row]] = []
        self.full = self.ending = False

    def open(self, call: Call) -> Entry:
        if self.full:
            raise LedgerFull
        return Entry(self, Row(call.id, 1, call.format.name, request_id=call.request_id), 0)

    def opened(self, row: Row, cost_pico: int | None) -> None:
        self.journal.append(("opened", Row(*interrupted(row, cost_pico))))

    def closed(self, entry: Entry) -> None:
        self.journal.append(("closed", Row(*values(entry.row))))
        self.rows.append(entry.row)

    def elapsed_us(self, since_ns: int) -> int:
        return 1


class Keys:
    """One key, and any number of others by their secret."""

    def __init__(self, *keys: Key) -> None:
        self.keys = {SECRET: KEY}

    def authenticate(self, credential: str) -> Key:
        return self.keys[credential]


class Plans:
    """Every model is served by these providers, tried in this order."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def plan(self, model: str) -> tuple[Step, ...]:
        return tuple(
            Step(Target(Provider(name, f"http://{name}.test/v1", OpenAI(), "sk-provider"), model))
            for name in self.names
        )


class Route:
    """The pipeline with everything around it scripted. `ask` makes a call and gives its chunks; `rows` are the ledger's."""

    def __init__(
        self,
        *scripts: Script | Exception | asyncio.Event,
        providers: Sequence[str] = ("one",),
        enabled: bool = True,
        key: Key = KEY,
        now: Callable[[], int] = lambda: 0,
        limit: int = 1 << 20,
    ) -> None:
        self.transport = Transport(*scripts)
        self.book = Book()
        self.keys = Keys()
        self.keys.keys[SECRET] = key
        self.flights = Flights(limit=limit)
        self.exact = Exact(capacity=1 << 20, ttl=60.0, largest=limit, clock=now)
        self.settlement = Settlement(PriceList())  # type: ignore[arg-type]
        self.canon = Canon(b"secret")
        default = Allowance("key", "")
        self.pipeline = Pipeline(
            ledger=self.book,  # type: ignore[arg-type]
            keys=self.keys,  # type: ignore[arg-type]
            allowances=Allowances(lambda key: of_key(key, default), clock=now),
            memory=Memory(self.exact, self.flights, enabled=enabled, sampled=True),
            router=Plans(*providers),  # type: ignore[arg-type]
            dispatch=Dispatch(self.transport, self.settlement),  # type: ignore[arg-type]
            settlement=self.settlement,
        )
        self._count = 0

    @property
    def rows(self) -> list[Row]:
        return self.book.rows

    @property
    def row(self) -> Row:
        """The only row."""
        (row,) = self.rows
        return row

    def call(self, body: bytes, format: Format, cache_control: str) -> Call:
        async def read() -> bytes:
            return body

        self._count += 1
        id = f"req_{self._count}"
        reading = partial(format.read, self.canon)
        return Call(id, id, format, SECRET, cache_control, read, reading)

    def chunks(
        self, *, format: Format | None = None, cache_control: str = "", **fields: Any
    ) -> tuple[AsyncGenerator[bytes], Entry]:
        """A call's answer, to be read chunk by chunk."""
        asked = {"model": "gpt", "messages": [{"role": "user", "content": "Hi"}], **fields}
        call = self.call(orjson.dumps(asked), format or Chat(), cache_control)
        entry = self.book.open(call)
        return self.pipeline.answer(call, entry), entry

    async def ask(self, *, format: Format | None = None, cache_control: str = "", **fields: Any) -> list[bytes]:
        """The chunks of a call's answer; raises what the client is told."""
        chunks, _ = self.chunks(format=format, cache_control=cache_control, **fields)
        try:
            return [chunk async for chunk in chunks]
        finally:
            await chunks.aclose()
            await self.flights.settled()


async def turns(count: int = 10) -> None:
    """Lets every task that can go on do so."""
    for _ in range(count):
        await asyncio.sleep(0)
