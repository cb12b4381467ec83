"""Reads what a gateway sent as a client that forgives nothing."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

STATUS = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) [\x20-\x7e]*")
HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9a-z-]+): ?([\x20-\x7e\x80-\xff]*)", re.IGNORECASE)
SIZE = re.compile(rb"[0-9a-fA-F]{1,8}")
HEAD_LIMIT = 16 << 10
"""More than this is refused by common clients."""
ONCE = {"content-length", "transfer-encoding", "content-type", "connection", "x-request-id", "x-gateway-cache"}


class Garbled(AssertionError):
    """Bytes that are no response, or more than one to the same request."""


def parsed(text: bytes) -> Any:
    """JSON as its standard has it: numbers may be of any size, but there is no NaN."""

    def refuse(constant: str) -> NoReturn:
        raise Garbled(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


@dataclass(frozen=True)
class Answer:
    """One response; `whole` unless its framing was broken off."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = True

    @property
    def events(self) -> list[bytes]:
        """The `data:` of each event of a stream."""
        return [line[6:] for line in self.body.split(b"\n") if line.startswith(b"data: ")]

    @property
    def json(self) -> Any:
        return parsed(self.body)

    @property
    def streamed(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")

    @property
    def error(self) -> dict[str, Any] | None:
        """OpenAI's error object, of the response or of the stream."""
        for text in self.events if self.streamed else [self.body]:
            if b'"error"' in text and (found := parsed(text).get("error")):
                return dict(found)
        return None

    @property
    def sound(self) -> bool:
        """A success that was brought to its end."""
        return self.status == 200 and self.whole and self.error is None

    @property
    def cache(self) -> str:
        return self.headers.get("x-gateway-cache", "")

    @property
    def id(self) -> str:
        return self.headers.get("x-request-id", "")


def read(data: bytes, *, reset: bool = False) -> list[Answer]:
    """The final responses of a connection that has ended. After a `reset` the last may have any part missing."""
    answers: list[Answer] = []
    while data:
        head, found, rest = data.partition(b"\r\n\r\n")
        if not found:
            if reset:
                return answers
            raise Garbled(f"no head: {data[:200]!r}")
        status, headers = _head(head)
        if status < 200:
            data = rest
            continue
        answer, data = _body(status, headers, rest)
        answers.append(answer)
        if data and (not answer.whole or headers.get("connection") == "close"):
            raise Garbled(f"more after the end: {data[:200]!r}")
    return answers


def _head(head: bytes) -> tuple[int, dict[str, str]]:
    if len(head) > HEAD_LIMIT:
        raise Garbled(f"a head of {len(head):,} bytes")
    first, *lines = head.split(b"\r\n")
    if not (status := STATUS.fullmatch(first)):
        raise Garbled(f"no status line: {first[:200]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        if not (header := HEADER.fullmatch(line)):
            raise Garbled(f"no header: {line[:200]!r}")
        name = header[1].decode().lower()
        if name in headers and name in ONCE:
            raise Garbled(f"twice: {line[:200]!r}")
        headers[name] = header[2].decode("latin-1")
    return int(status[1]), headers


def _body(status: int, headers: dict[str, str], rest: bytes) -> tuple[Answer, bytes]:
    if "transfer-encoding" in headers:
        if headers["transfer-encoding"] != "chunked" or "content-length" in headers:
            raise Garbled("an ambiguous framing")
        body, rest, whole = _chunks(rest)
        return Answer(status, headers, body, whole), rest
    if "content-length" in headers:
        length = int(headers["content-length"])
        return Answer(status, headers, rest[:length], len(rest) >= length), rest[length:]
    if status not in (204, 304) and headers.get("connection") != "close":
        raise Garbled("a body without an end")
    return Answer(status, headers, rest), b""


def _chunks(data: bytes) -> tuple[bytes, bytes, bool]:
    """A chunked body, what follows it, and whether it was brought to its end."""
    parts: list[bytes] = []
    at = 0
    while True:
        line = data.find(b"\r\n", at)
        size = data[at : line if line >= 0 else at + 200]
        if line < 0 and (not size or SIZE.fullmatch(size.removesuffix(b"\r"))):
            return b"".join(parts), b"", False
        if not SIZE.fullmatch(size):
            raise Garbled(f"no chunk: {size[:200]!r}")
        start, length = line + 2, int(size, 16)
        at = start + length + 2
        parts.append(data[start : start + length])
        if len(data) < at:
            return b"".join(parts), b"", False
        if data[at - 2 : at] != b"\r\n":
            raise Garbled(f"no end of a chunk: {data[at - 2 : at + 200]!r}")
        if length == 0:
            return b"".join(parts), data[at:], True
