"""A gateway under attack: its scripted provider, a key to it, and what must hold whatever is tried."""

from __future__ import annotations

import itertools
import time
import zlib
from collections.abc import Iterable
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

import orjson

from tests.end_to_end.gateway import Gateway
from tests.end_to_end.upstream import Upstream
from tests.hostile.line import Line, head
from tests.hostile.probe import Probe
from tests.hostile.strict import Answer, read
from tests.hostile.tree import Tree

MIB = 1 << 20
QUICK = """
server: {header_timeout: 3, body_timeout: 3, keepalive: 6, max_body: 8388608}
cache: {exact: {capacity: 33554432, largest: 2097152}}
providers: {openai: {timeouts: {connect: 3, headers: 3, idle: 3}}}
"""
"""Short of patience and of room, so that bounds are met soon."""
CONFINED = 1024 * MIB
PATH = "/v1/chat/completions"
_NUMBERS = itertools.count()


class Site:
    """`provider` is scripted by each test; `healthy` holds whenever one is over."""

    def __init__(self, folder: Path, config: str = QUICK, **environ: str) -> None:
        self.provider = Upstream()
        self.provider.start()
        secret = {"OPENAI_API_KEY": "sk-upstream-secret", "OPENAI_BASE_URL": self.provider.base_url}
        self.gateway = Gateway(folder, {**secret, **environ}, config)
        self.key = ""
        self._told = 0

    def start(self) -> Site:
        self.gateway.start()
        self.tree.confine(CONFINED)
        self.key = self.gateway.create_key()
        return self

    def stop(self) -> None:
        try:
            self.gateway.stop()
        except TimeoutExpired:
            self.tree.kill()
            raise
        finally:
            self.provider.stop()

    @property
    def tree(self) -> Tree:
        return Tree(self.gateway.process.pid)

    def reset(self) -> Site:
        """Forgets what came before: the provider's script, the ledger's rows so far and the log."""
        self.provider.reset()
        self.gateway.turn_the_page()
        self._told = len(self.gateway.log().encode())
        return self

    def probe(self) -> Probe:
        return Probe(self.gateway.url, self.gateway.process.pid)

    def line(self, **options: Any) -> Line:
        return Line(self.gateway.url, **options)

    def ask(self, question: str = "", *, lines: Iterable[str] = (), raw: bytes | None = None, **fields: Any) -> Answer:
        """One call on a connection of its own, of which every byte is checked. `raw` is a body spelled by hand."""
        body = raw if raw is not None else chat(question, **fields)
        with self.line() as line:
            line.send(self.request(body, lines=["connection: close", *lines]))
            (answer,) = line.answers()
        return answer

    def thrice(self, stream: bool) -> list[Answer]:
        """The answers to one question: of the provider as it is scripted, then of a healthy one, in both shapes."""
        question = unique()
        first = self.ask(question, stream=stream)
        self.provider.reset()
        return [first, *(self.ask(question, stream=shape) for shape in (not stream, stream))]

    def request(self, body: bytes, *, lines: Iterable[str] = (), target: str = PATH) -> bytes:
        """A call's bytes."""
        framed = [*self.lines, f"content-length: {len(body)}", *lines]
        return head(target, lines=framed) + b"\r\n" + body

    @property
    def lines(self) -> list[str]:
        """The headers that every good call has."""
        return ["host: 127.0.0.1", "content-type: application/json", f"authorization: Bearer {self.key}"]

    def together(self, *requests: bytes) -> list[Answer]:
        """Sends requests ahead on one connection, the last of which must close it."""
        with self.line() as line:
            line.send(b"".join(requests))
            return read(line.rest(), reset=line.was_reset)

    def log(self) -> str:
        """What the gateway has logged since the last reset."""
        return self.gateway.log(self._told)

    def rows(self, count: int = 1) -> list[dict[str, Any]]:
        """The ledger's rows since the last reset, once there are as many."""
        deadline = time.monotonic() + 30
        while len(rows := self.gateway.rows()) < count:
            assert time.monotonic() < deadline, f"{len(rows)} rows, not {count}"
            time.sleep(0.02)
        return rows

    def healthy(self) -> None:
        """It runs, answers, and has told no traceback."""
        assert self.gateway.process.poll() is None, self.log()[-2000:]
        assert "Traceback" not in self.log(), self.log()[-4000:]
        self.provider.reset()
        assert self.ask(unique("Is all well?")).sound


def unique(text: str = "Hi") -> str:
    """A question that nobody has asked before."""
    return f"{text} [{next(_NUMBERS)}]"


def chat(question: str, **fields: Any) -> bytes:
    return orjson.dumps({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": question}], **fields})


def bomb(filling: bytes, size: int, *, start: bytes = b"", wbits: int = zlib.MAX_WBITS | 16) -> bytes:
    """Compressed bytes, without an end, that inflate to `start` and `filling` over and over, `size` bytes in all."""
    unit = filling * (MIB // len(filling))
    press = zlib.compressobj(9, wbits=wbits)
    first, again = (press.compress(part) + press.flush(zlib.Z_FULL_FLUSH) for part in (start + unit, unit))
    return first + again * (size // MIB - 1)
