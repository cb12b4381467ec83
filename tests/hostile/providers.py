"""Providers by chance: good answers, and what becomes of them on the way through hostile hands."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.end_to_end.answers import RICH, Both, body, choice, part
from tests.end_to_end.upstream import CLOSE, HANG, RESET, USAGE
from tests.hostile.mutation import cut, hostile, mutate, scramble, spell

STATUSES = (200,) * 20 + (201, 204, 206, 302, 304, 400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 529, 599, 999, 101)
FINISHES: tuple[Any, ...] = ("stop", "length", "tool_calls", "content_filter", "error", "abort", "SAFETY", "", "STOP")
FINISHES += (None, 0, [], {})
HEADERS = (
    "content-length: 5",
    "content-length: 99999999999999999999",
    "content-length: -5",
    "transfer-encoding: chunked",
    "transfer-encoding: gzip",
    "content-encoding: gzip",
    "content-encoding: deflate",
    "content-encoding: br",
    "content-encoding: \xff",
    "content-type: text/html",
    "content-type: " + "c" * 5_000,
    "connection: close",
    "connection: upgrade",
    "upgrade: h2c",
    "retry-after: -1",
    "retry-after: 1e400",
    "retry-after: Thu, 99 Foo 99999",
    "retry-after: 9" + "9" * 400,
    "retry-after: a\tb",
    "x-request-id: theirs",
    "set-cookie: a=b",
    "location: http://127.0.0.1:1/",
    "x-ratelimit-remaining-requests: \xe9",
    "x-long: " + "l" * 20_000,
    "x-bare: a\rb",
    "x-null: a\0b",
    " folded",
    "no colon",
    ": no name",
)
LINES: tuple[bytes, ...] = (
    b": comment\n\n",
    b"event: ping\n\n",
    b"retry: 1\n\n",
    b"id: 5\n",
    b"data:\n\n",
    b"data: [DONE]\n\n",
    b"\xef\xbb\xbf",
)
LINES += (
    b"data: {}\n\n",
    b"data: null\n\n",
    b"data: []\n\n",
    b"data: 5\n\n",
    b'data: {"error":{}}\n\n',
    b"\r\n\r\n",
    b"\0",
)
BEFORE = (
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n",
    b"HTTP/1.1 102 P\r\n\r\n",
    b"\r\n",
)


@dataclass(frozen=True)
class Reply:
    """What a provider sends, piece by piece, and how it leaves: `CLOSE`, `RESET`, `HANG`, or None to stay."""

    pieces: list[bytes]
    pause: float
    ending: Any

    async def play(self) -> AsyncIterator[Any]:
        for piece in self.pieces:
            yield piece
            await asyncio.sleep(self.pause)
        if self.ending is not None:
            yield self.ending

    @property
    def sent(self) -> bytes:
        return b"".join(self.pieces)


def reply(chance: Random, marker: str, stream: bool) -> Reply:
    """Mostly one thing is wrong: with what is said, how it is framed, its head, its bytes, or its end."""
    said = _said(chance, marker)
    wrong = chance.choice(("nothing", "meaning", "meaning", "meaning", "framing", "head", "bytes", "end", "all"))
    meant = wrong in ("meaning", "all")
    content = _events(chance, said, meant) if stream != (chance.random() < 0.03) else _whole(chance, said, meant)
    data = _message(chance, content, stream, wrong)
    if wrong in ("bytes", "all"):
        data = scramble(chance, data)
    ending = None
    if wrong in ("end", "all"):
        data = data[: chance.randrange(len(data) + 1)]
        ending = chance.choice((CLOSE, CLOSE, RESET, HANG))
    elif b"content-length" not in data[:4_000].lower() and b"chunked" not in data[:4_000].lower():
        ending = CLOSE
    return Reply(cut(chance, data) or [b""], chance.choice((0.0, 0.0, 0.001, 0.01)), ending)


def _said(chance: Random, marker: str) -> Both:
    """An answer in both shapes, with the marker in it."""
    if chance.random() < 0.5:
        return chance.choice(list(RICH.values()))
    return Both(
        body(choice(content=f"So you say {marker}.")),
        [
            part(role="assistant", content=""),
            part(content=f"So you say {marker}"),
            part(content="."),
            part(finish="stop"),
        ],
    )


def _whole(chance: Random, said: Both, wrong: bool) -> bytes:
    answer: Any = {**said.whole, "usage": USAGE}
    if wrong and chance.random() < 0.4:
        first, *others = answer["choices"]
        answer["choices"] = [{**first, "finish_reason": chance.choice(FINISHES)}, *others]
    elif wrong:
        for _ in range(chance.choice((1, 1, 3))):
            answer = mutate(chance, answer)
    return spell(answer)


def _events(chance: Random, said: Both, wrong: bool) -> bytes:
    parts: list[Any] = [*said.parts, {**said.parts[0], "choices": [], "usage": USAGE}]
    if wrong and chance.random() < 0.3:
        parts, wrong = [_finished(chance, piece) for piece in parts], False
    for _ in range(chance.choice((1, 1, 2, 3)) if wrong else 0):
        at = chance.randrange(len(parts))
        changed = mutate(chance, parts[at])
        fate = chance.choice(([], [changed], [changed], [changed], [parts[at]] * 2, [hostile(chance), parts[at]]))
        parts[at : at + 1] = fate
        if not parts:
            break
    lines = [b"data: " + spell(piece) + b"\n\n" for piece in parts] + [b"data: [DONE]\n\n"]
    if wrong and chance.random() < 0.3:
        lines.insert(chance.randrange(len(lines) + 1), chance.choice(LINES))
    if wrong and chance.random() < 0.1:
        lines.pop()
    return b"".join(lines)


def _finished(chance: Random, piece: Any) -> Any:
    """The piece with another finish reason, if it has one."""
    if not (piece["choices"] and piece["choices"][0]["finish_reason"]):
        return piece
    return {**piece, "choices": [{**piece["choices"][0], "finish_reason": chance.choice(FINISHES)}]}


def _message(chance: Random, content: bytes, stream: bool, wrong: str) -> bytes:
    """Head and framed body."""
    lines = [f"content-type: {'text/event-stream' if stream else 'application/json'}"]
    status, before = 200, b""
    if wrong in ("head", "all"):
        status = chance.choice(STATUSES)
        for _ in range(chance.randrange(3)):
            lines.insert(chance.randrange(len(lines) + 1), chance.choice(HEADERS))
        before = chance.choice(BEFORE) * chance.choice((0, 0, 1, 50))
        if chance.random() < 0.05:
            lines += [f"x-{number}: a" for number in range(5_000)]
    if chance.random() < 0.1:
        encoding = chance.choice(("gzip", "deflate"))
        padding = b" " * (10**7 if chance.random() < 0.1 else 0)
        content = (gzip.compress if encoding == "gzip" else zlib.compress)(padding + content)
        lines.append(f"content-encoding: {encoding}")
    framing, framed = _framed(chance, content, wrong in ("framing", "all"))
    start = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status} X", *lines, *framing))
    return before + start.encode("latin-1") + b"\r\n" + framed


def _framed(chance: Random, content: bytes, wrong: bool) -> tuple[list[str], bytes]:
    kind = chance.choice(("length", "chunks", "chunks", "close"))
    if kind == "length":
        length = len(content) + (chance.choice((-9, -1, 1, 500)) if wrong else 0)
        return [f"content-length: {max(0, length)}"], content
    if kind == "close":
        return [], content
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in cut(chance, content) if piece) + b"0\r\n\r\n"
    if wrong:
        framed = chance.choice(
            (
                framed[:-5],
                framed.replace(b"\r\n", b"\n", 1),
                b"zz\r\n" + framed,
                b"%x\r\n" % (1 << 62) + framed,
                b"5;" + b"e" * 70_000 + b"\r\nhello\r\n" + framed,
                framed[:-2] + b"x-trailer: 1\r\n\r\n",
                framed + framed,
                framed + b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
            )
        )
    return ["transfer-encoding: chunked"], framed
