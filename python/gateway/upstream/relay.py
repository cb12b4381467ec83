"""From a provider's answer to a flight: what each network read carried, and whether the answer came whole."""

from __future__ import annotations

from typing import Protocol

from gateway.errors import UpstreamError, UpstreamInterrupted, UpstreamInvalid, UpstreamRefused
from gateway.native import Chunk, Scanner, SseError
from gateway.providers.base import Decoder, Provider
from gateway.providers.openai import error_fields, without_secret
from gateway.upstream.pool import Exchange

FAILURE_LIMIT = 64 << 10


class Sink(Protocol):
    """Where an answer goes, and how long the provider let it wait for the latest read."""

    waited_us: int

    def feed(self, data: bytes, content: bool) -> None: ...
    async def room(self) -> None: ...


async def relay(exchange: Exchange, provider: Provider, decoder: Decoder, scanner: Scanner, sink: Sink) -> None:
    """Passes an answer on, read by read; returns when it is complete, and raises when it breaks off or goes wrong."""
    try:
        while not scanner.done and (read := await exchange.read()):
            sink.waited_us = exchange.waited_us
            _pass_on(scanner.feed(decoder.feed(read)), provider, sink)
            await sink.room()
        _pass_on(scanner.feed(decoder.end()), provider, sink)
        _pass_on(scanner.end(), provider, sink)
    except SseError as error:
        raise UpstreamInvalid(f"{provider.name} sent an answer that cannot be read.") from error
    if not (scanner.done or scanner.complete):
        raise UpstreamInterrupted(f"{provider.name} ended its answer before it was complete.")


async def refusal(exchange: Exchange, provider: Provider) -> UpstreamError:
    """The error that a provider's answer with another status than 200 amounts to."""
    body = b""
    while len(body) < FAILURE_LIMIT and (read := await exchange.read()):
        body += read
    return provider.dialect.failure(provider, exchange.status, dict(exchange.headers), body)


def _pass_on(chunk: Chunk, provider: Provider, sink: Sink) -> None:
    sink.feed(chunk.data, chunk.content)
    if chunk.error is not None:
        fields = error_fields(b'{"error":' + chunk.error + b"}")
        message = without_secret(str(fields.get("message") or f"{provider.name} reported an error."), provider)
        raise UpstreamRefused(502, message, fields=fields, headers={})
    if chunk.invalid is not None:
        raise UpstreamInvalid(f"{provider.name} sent an answer that is not valid: {chunk.invalid}.")
    if chunk.truncated:
        raise UpstreamInterrupted(f"{provider.name} broke off in the middle of an event.")
