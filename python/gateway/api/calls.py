"""Calls: one request in, one body or one event stream out, in whatever format they are made."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import partial

from gateway.api import wire
from gateway.api.body import read_body
from gateway.api.credentials import credential
from gateway.api.hops import hops
from gateway.api.request import Request, ServerOptions
from gateway.chat.call import Call
from gateway.chat.format import Format
from gateway.errors import GatewayError
from gateway.ledger import provenance
from gateway.native import Canon
from gateway.pipeline import Pipeline

EVENTS = "text/event-stream; charset=utf-8"
UNBUFFERED = "cache-control: no-cache\r\nx-accel-buffering: no\r\n"


class Calls:
    """Takes the calls of one format through the pipeline and writes what comes out."""

    def __init__(self, format: Format, canon: Canon, pipeline: Pipeline, options: ServerOptions) -> None:
        self._format, self._pipeline, self._options = format, pipeline, options
        self._read = partial(format.read, canon)

    async def answer(self, request: Request) -> wire.Reply:
        """The endpoint. Errors have the format's own shape."""
        call = Call(
            id=request.id,
            request_id=request.request_id,
            format=self._format,
            credential=credential(request.header),
            cache_control=request.header("cache-control"),
            body=lambda: read_body(request, self._options),
            read=self._read,
            hops=hops(request.header),
        )
        entry = self._pipeline.ledger.open(call)
        chunks = self._pipeline.answer(call, entry)
        try:
            try:
                first = await anext(chunks)
            except StopAsyncIteration:  # an answer of which this client is to see nothing
                first = b""
            entry.row.first_byte_us = self._pipeline.ledger.elapsed_us(entry.opened_ns)
            if entry.row.stream:
                stream = wire.Stream(request, EVENTS, provenance.headers(entry) + UNBUFFERED)
                await stream.send(first)
                first = b""  # not held while the rest comes
                return await self._go_on(stream, chunks)
            async for more in chunks:
                first += more
            return wire.reply(request, 200, first, provenance.headers(entry))
        except GatewayError as error:
            lines = provenance.headers(entry) + wire.headers(error.headers)
            body = self._format.error(error, stream=False)
            return wire.reply(request, error.status, body, lines, close=request.unread)
        finally:
            request.caller = entry.row.key_id
            await chunks.aclose()

    async def _go_on(self, stream: wire.Stream, chunks: AsyncGenerator[bytes]) -> wire.Reply:
        """Writes each chunk as it comes."""
        try:
            async for chunk in chunks:
                await stream.send(chunk)
        except GatewayError as error:
            return stream.cut(self._format.error(error, stream=True))
        return stream.end(self._format.end)
