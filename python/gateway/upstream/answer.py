"""A provider's answers as they are parsed: no sockets and no clocks. llhttp does the parsing."""

from __future__ import annotations

from enum import IntEnum

import httptools

from gateway.upstream.inflater import Inflater, InflationError

FRAMING_LIMIT = 64 << 10
"""Bytes that may come in a row without any of the body among them: a head with the 1xx answers before it, trailers."""
STEP = 32 << 10
"""Bytes that an encoded body is inflated to at once."""
KEPT = {
    name.encode(): name
    for name in (
        "content-encoding",
        "content-length",
        "content-type",
        "keep-alive",
        "retry-after",
        "retry-after-ms",
        "transfer-encoding",
        "x-should-retry",
    )
}
"""The headers that mean something to the gateway. No other is kept, nor passed on."""
LISTS = frozenset({"content-encoding", "transfer-encoding"})
"""Those that may be repeated; the values then add up."""
GARBLED = "sent something that is not a valid HTTP response"


class AnswerError(ValueError):
    """What came is no answer. The message goes on after the provider's name."""


class AnswerCut(AnswerError):
    """The answer broke off."""


class Phase(IntEnum):
    """What of an answer is still to come."""

    HEAD = 0
    BODY = 1
    END = 2


HEAD, BODY, END = Phase  # to look one up in its class takes half a microsecond in Python 3.11


class Answer:
    """One answer as far as it has come. `take` gives the body on, decoded."""

    __slots__ = (
        "_encoded",
        "_inflater",
        "_parts",
        "framing",
        "headers",
        "held",
        "keep_alive",
        "phase",
        "status",
        "unfinished",
    )

    def __init__(self) -> None:
        self.phase = HEAD
        self.status = 0
        self.headers: dict[str, str] = {}
        self.keep_alive = False
        """Once it has ended: whether the connection may carry another."""
        self.framing = 0
        """Bytes that came since the last of the body."""
        self.unfinished = False
        """What was taken last of an encoded body was not all that can be taken before more is received."""
        self.held = 0
        """Bytes of the body that wait to be taken, as they came."""
        self._parts: list[bytes] = []
        self._encoded = False
        self._inflater: Inflater | None = None

    def begin_body(self, status: int) -> None:
        encoding = self.headers.get("content-encoding", "identity").lower()
        self._encoded = encoding not in ("identity", "")
        if self._encoded and encoding not in ("gzip", "x-gzip", "deflate"):
            raise AnswerError("sent an encoding that was not asked for")
        if self.headers.get("transfer-encoding", "chunked").lower() not in ("chunked", "identity"):
            raise AnswerError("sent a transfer encoding that was not asked for")
        self.status, self.phase = status, BODY

    def add(self, data: bytes) -> None:
        if self.phase is HEAD:
            raise AnswerError("sent an interim answer with a body")
        self.framing = 0
        self.held += len(data)
        if not self._encoded:
            self._parts.append(data)
            return
        if self._inflater is None:
            self._inflater = Inflater()
        self._inflater.add(data)

    def take(self) -> bytes:
        """What has come of the body since the last time, at most `STEP` bytes of an encoded one; may be empty."""
        if self._inflater is not None:
            return self._inflated(self._inflater)
        parts, self.held = self._parts, 0
        if len(parts) == 1:
            return parts.pop()
        data = b"".join(parts)
        parts.clear()
        return data

    def close(self) -> None:
        """The provider closed the connection, which is the end of an answer that was to have no other."""
        chunked = "chunked" in self.headers.get("transfer-encoding", "").lower()
        if self.phase is BODY and not chunked and "content-length" not in self.headers:
            self.phase = END

    def discard(self) -> None:
        """Lets go of what was not taken."""
        self._parts.clear()
        self.held, self._inflater, self.unfinished = 0, None, False

    def cut(self) -> AnswerCut:
        if self.phase is HEAD:
            return AnswerCut("closed the connection without an answer")
        return AnswerCut("broke off in the middle of its answer")

    def _inflated(self, inflater: Inflater) -> bytes:
        data = b""
        try:
            while inflater.pending and not data:
                data = inflater.step(STEP)
        except InflationError as error:
            raise AnswerError(f"sent an answer whose encoding is wrong: {error}") from error
        self.held, self.unfinished = len(inflater), inflater.pending
        if self.phase is END and not (data or inflater.ended):
            raise self.cut()
        return data


class AnswerParser:
    """Parses the answers of one connection, one after the other: `expect` before each, then `feed`."""

    __slots__ = ("_parser", "answer")

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.expect()

    def expect(self) -> Answer:
        """The answer that the next bytes belong to."""
        self.answer = Answer()
        return self.answer

    def feed(self, data: bytes | memoryview) -> None:
        """Takes in one network read; raises `AnswerError`."""
        answer = self.answer
        answer.framing += len(data)
        if answer.framing > FRAMING_LIMIT:
            raise AnswerError(GARBLED)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            cause = error.__context__
            raise cause if isinstance(cause, AnswerError) else AnswerError(GARBLED) from None

    # What llhttp calls.

    def on_message_begin(self) -> None:
        if self.answer.phase is not HEAD:  # a second answer is never a part of this one, nor the next call's
            raise AnswerError(GARBLED)

    def on_header(self, name: bytes, value: bytes) -> None:
        kept = KEPT.get(name.lower())
        if kept is not None and self.answer.phase is HEAD:  # a trailer is none
            headers, said = self.answer.headers, value.decode("latin-1").strip()
            headers[kept] = f"{headers[kept]}, {said}" if kept in headers and kept in LISTS else said

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 100:
            raise AnswerError(GARBLED)
        if status < 200:
            self.answer.headers.clear()
        else:
            self.answer.begin_body(status)

    def on_body(self, body: bytes) -> None:
        self.answer.add(body)

    def on_message_complete(self) -> None:
        if self.answer.phase is BODY:
            self.answer.phase = END
            self.answer.keep_alive = self._parser.should_keep_alive()  # afterwards llhttp has forgotten
