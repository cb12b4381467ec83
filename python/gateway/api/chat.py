"""POST /v1/chat/completions: one call in, one body or one event stream out."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import lru_cache

import orjson

from gateway.api import wire
from gateway.api.body import read_body
from gateway.api.credentials import credential
from gateway.api.hops import hops
from gateway.api.request import Request, ServerOptions
from gateway.chat.call import Call
from gateway.chat.money import PICO_PER_USD
from gateway.errors import GatewayError
from gateway.ledger.entry import Entry
from gateway.pipeline import Pipeline

DONE = b"data: [DONE]\n\n"
EVENTS = "text/event-stream; charset=utf-8"
UNBUFFERED = "cache-control: no-cache\r\nx-accel-buffering: no\r\n"


class Chat:
    """Takes a request through the pipeline and writes what comes out."""

    def __init__(self, pipeline: Pipeline, options: ServerOptions) -> None:
        self._pipeline, self._options = pipeline, options

    async def completions(self, request: Request) -> wire.Reply:
        call = Call(
            id=request.id,
            endpoint="chat",
            credential=credential(request.header),
            cache_control=request.header("cache-control"),
            body=lambda: read_body(request, self._options),
            request_id=request.request_id,
            hops=hops(request.header),
        )
        entry = self._pipeline.ledger.open(call)
        chunks = self._pipeline.answer(call, entry)
        try:
            first = await anext(chunks)
            entry.first_byte_us = self._pipeline.ledger.elapsed_us(entry)
            if entry.stream:
                return await self._stream(request, entry, first, chunks)
            async for more in chunks:
                first += more
            return wire.reply(request, 200, first, told(entry))
        except GatewayError as error:
            return wire.failure(request, error, told(entry), close=request.unread)
        finally:
            request.caller = entry.key_id
            await chunks.aclose()

    async def _stream(self, request: Request, entry: Entry, first: bytes, chunks: AsyncGenerator[bytes]) -> wire.Reply:
        """Writes each chunk as it comes."""
        stream = wire.Stream(request, EVENTS, told(entry) + UNBUFFERED)
        await stream.send(first)
        try:
            async for chunk in chunks:
                await stream.send(chunk)
        except GatewayError as error:
            return stream.cut(b"data: " + orjson.dumps({"error": error.fields()}) + b"\n\n")
        return stream.end(DONE)


def told(entry: Entry) -> str:
    """The response headers that say how an answer came about."""
    lines = f"x-gateway-cache: {entry.cache or 'bypass'}\r\n"
    if entry.provider:
        settled = entry.outcome == "ok" and not entry.airborne
        cost = entry.cost_pico if settled else None
        lines += _answered_by(entry.provider, entry.target, entry.attempts, cost, entry.saved_pico)
    if entry.first_byte_us and entry.cache != "coalesced":
        lines += f"x-gateway-overhead-ms: {(entry.first_byte_us - entry.upstream_us) / 1000:.3f}\r\n"
    if (quota := entry.quota) is not None:
        lines += f"x-ratelimit-limit-requests: {quota.limit}\r\nx-ratelimit-remaining-requests: {quota.remaining}\r\n"
        lines += f"x-ratelimit-reset-requests: {quota.reset_seconds:.3f}s\r\n"
    return lines


@lru_cache(4096)
def _answered_by(provider: str, model: str, attempts: int, cost: int | None, saved: int) -> str:
    """Who answered and what it cost in picodollars; the same lines for every hit of one answer."""
    lines = f"x-gateway-provider: {provider}\r\nx-gateway-model: {wire.clean(model)}\r\n"
    if attempts:
        lines += f"x-gateway-attempts: {attempts}\r\n"
    if cost is not None:
        lines += f"x-gateway-cost-usd: {usd(cost)}\r\nx-gateway-saved-usd: {usd(saved)}\r\n"
    return lines


def usd(pico: int) -> str:
    """Picodollars as decimal USD, to the last digit."""
    return f"{pico // PICO_PER_USD}.{pico % PICO_PER_USD:012d}".rstrip("0").rstrip(".")
