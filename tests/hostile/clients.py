"""Clients by chance: good requests, and what becomes of them on the way through hostile hands."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.hostile.line import head
from tests.hostile.markers import mark
from tests.hostile.mutation import cut, folded, mutate, scramble, spell
from tests.hostile.site import PATH

HEADERS = (
    "content-length: 5",
    "content-length: 999999999999999999999",
    "content-length: -1",
    "content-length: 0x10",
    "content-length:",
    "transfer-encoding: chunked",
    "transfer-encoding: identity",
    "transfer-encoding: gzip, chunked",
    "transfer-encoding: \x0bchunked",
    "transfer-encoding : chunked",
    " transfer-encoding: chunked",
    "content-encoding: gzip",
    "content-encoding: br",
    "content-type: text/plain",
    "content-type: multipart/form-data",
    "expect: 100-continue",
    "expect: 200-maybe",
    "connection: close",
    "connection: upgrade",
    "upgrade: h2c",
    "upgrade: websocket",
    "host: elsewhere.example",
    "host: a b",
    "authorization: Bearer sk-gw-000000000000-x",
    "authorization: Basic \x00",
    "x-api-key: sk-gw-\xff",
    "x-request-id: a b\tc",
    "x-request-id: " + "r" * 5_000,
    "x-request-id: req_1; x-evil=1",
    "cache-control: no-store",
    "cache-control: max-age=99999999999999999999",
    "cache-control: " + "no-" * 2_000,
    "origin: https://elsewhere.example",
    "accept-encoding: gzip",
    "traceparent: 00-0-0-0",
    "trailer: content-length",
    "x-null: a\0b",
    "x-latin: \xe9\xff",
    "x-bare: a\rb",
    "x-folded: a\r\n b",
    "x-long: " + "l" * 20_000,
    ": no name",
    "no colon",
    "",
)
TARGETS: tuple[str, ...] = (
    "/",
    "*",
    "//",
    "/v1/chat/completions/",
    "/v1//chat/completions",
    "/%00",
    "/v1/models",
    "/metrics",
    "/admin/x",
)
TARGETS += (
    "http://elsewhere.example/v1/chat/completions",
    "/v1/chat/completions?a=" + "b" * 9_000,
    "/\xff",
    "/\x7f",
    "",
)
METHODS = ("GET", "PUT", "OPTIONS", "TRACE", "CONNECT", "post", "P\0ST", "PRI", "X" * 300)


@dataclass
class Call:
    """A chat call in parts, each of which can go wrong by itself."""

    marker: str
    lines: list[str]
    method: str = "POST"
    target: str = PATH
    body: bytes = b""
    chunked: bool = False
    close: bool = False
    good: bool = True
    trailers: bytes = b""
    sizes: list[int] = field(default_factory=list)

    def spelled(self) -> bytes:
        """Its bytes."""
        lines = list(self.lines) + (["connection: close"] if self.close else [])
        framing = "transfer-encoding: chunked" if self.chunked else f"content-length: {len(self.body)}"
        return head(self.target, self.method, [*lines, framing]) + b"\r\n" + self._framed()

    def _framed(self) -> bytes:
        if not self.chunked:
            return self.body
        framed, left = b"", self.body
        for size in [*self.sizes, len(left)]:
            if piece := left[:size]:
                framed += b"%x\r\n%b\r\n" % (len(piece), piece)
            left = left[size:]
        return framed + b"0\r\n" + self.trailers + b"\r\n"


def call(chance: Random, marker: str, lines: list[str]) -> Call:
    """A good call, in any of the forms in which one may come."""
    fields: dict[str, Any] = {"model": "gpt-4o-mini", "messages": _messages(chance, marker)}
    if chance.random() < 0.5:
        fields["stream"] = chance.random() < 0.7
        if fields["stream"] and chance.random() < 0.5:
            fields["stream_options"] = {"include_usage": chance.random() < 0.5}
    if chance.random() < 0.2:
        fields["tools"] = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    if chance.random() < 0.2:
        fields["cache"] = chance.choice([{"ttl": 5}, {"namespace": "n"}, {"no-store": True}])
    members = list(fields.items())
    chance.shuffle(members)
    made = Call(marker, list(lines), body=spell(dict(members)), chunked=chance.random() < 0.3)
    if chance.random() < 0.1:
        encoding = chance.choice(("gzip", "deflate"))
        made.body = (gzip.compress if encoding == "gzip" else zlib.compress)(made.body)
        made.lines.append(f"content-encoding: {encoding}")
    if made.chunked:
        made.sizes = [chance.choice((1, 7, 100)) for _ in range(chance.randrange(6))]
    return made


def _messages(chance: Random, marker: str) -> list[dict[str, Any]]:
    text = [{"type": "text", "text": marker}] if chance.random() < 0.2 else marker
    question: list[dict[str, Any]] = [{"role": "user", "content": text}]
    return [{"role": "system", "content": "Be brief."}, *question] if chance.random() < 0.3 else question


def spoil(chance: Random, made: Call) -> bytes:
    """The call's bytes after something has been done to it."""
    made.good = False
    kind = chance.random()
    if kind < 0.35:
        _spoil_body(chance, made)
    elif kind < 0.7:
        _spoil_head(chance, made)
    else:
        return scramble(chance, made.spelled())
    return made.spelled() if chance.random() < 0.9 else scramble(chance, made.spelled())


def _spoil_body(chance: Random, made: Call) -> None:
    fields: Any = {
        "model": "gpt-4o-mini",
        "messages": _messages(chance, made.marker),
        "stream": False,
        "n": 1,
        "stop": [],
    }
    fields |= {"cache": {"ttl": 1}, "tools": [], "stream_options": {"include_usage": True}, "max_tokens": 5}
    for _ in range(chance.choice((1, 1, 2, 3))):
        fields = mutate(chance, fields)
    made.body = spell(fields)
    if chance.random() < 0.2:
        made.body = scramble(chance, made.body)
    if chance.random() < 0.1:
        made.body = gzip.compress(b" " * chance.choice((10, 10**6, 10**7)) + made.body)
        made.lines.append("content-encoding: gzip")


def _spoil_head(chance: Random, made: Call) -> None:
    for _ in range(chance.choice((1, 1, 2))):
        kind = chance.random()
        if kind < 0.6:
            made.lines.insert(chance.randrange(len(made.lines) + 1), chance.choice(HEADERS))
        elif kind < 0.7:
            made.target = chance.choice(TARGETS)
        elif kind < 0.8:
            made.method = chance.choice(METHODS)
        elif kind < 0.9:
            made.lines.pop(chance.randrange(len(made.lines)))
        else:
            at = chance.randrange(len(made.lines))
            name, _, value = made.lines[at].partition(":")
            made.lines[at] = f"{folded(chance, name).encode('ascii', 'replace').decode()}:{value}"
    if made.chunked and chance.random() < 0.3:
        made.trailers = chance.choice((b"x-trailer: 1\r\n", b"content-length: 5\r\n", b"junk", b"t: " + b"t" * 90_000))
    if chance.random() < 0.05:
        made.lines += [f"x-{number}: a" for number in range(chance.choice((50, 200, 5_000)))]


@dataclass
class Conversation:
    """What one client does on one connection. `tame` ones send good requests alone and read every answer."""

    calls: list[Call]
    pieces: list[bytes]
    pause: float
    leaves: bool
    tame: bool

    @property
    def sent(self) -> bytes:
        return b"".join(self.pieces)


def conversation(chance: Random, name: str, lines: list[str]) -> Conversation:
    """A connection's worth of requests, sent ahead; the last of them closes it."""
    tame = chance.random() < 0.3
    count = chance.choice((1, 1, 2, 3, 8))
    calls = [call(chance, mark(name, number), lines) for number in range(count)]
    if count > 1 and chance.random() < 0.3:
        calls[1].marker, calls[1].body, calls[1].lines = calls[0].marker, calls[0].body, list(calls[0].lines)
    calls[-1].close = True
    spelled = [made.spelled() if tame or chance.random() < 0.4 else spoil(chance, made) for made in calls]
    data = b"".join(spelled)
    pieces = cut(chance, data)
    if not tame and chance.random() < 0.15:
        pieces = cut(chance, data[: chance.randrange(len(data) + 1)])
    return Conversation(
        calls,
        pieces or [b""],
        pause=chance.choice((0.0, 0.0, 0.001, 0.01)),
        leaves=not tame and chance.random() < 0.2,
        tame=tame,
    )
