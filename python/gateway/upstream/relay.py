"""From a provider's answer to a flight: what each network read carried, and whether the answer came whole."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import asdict
from typing import Protocol

from gateway.errors import UpstreamError, UpstreamInterrupted, UpstreamInvalid, UpstreamRefused
from gateway.native import Chunk, Scanner, SseError
from gateway.providers.base import Decoder, Provider
from gateway.providers.complaint import READ_LIMIT, Complaint
from gateway.upstream.pool import Exchange

WORDS_SECONDS = 5.0
"""How long a provider that refuses may take to say why."""


class Sink(Protocol):
    """Where an answer goes, and how long the provider let it wait for its first content."""

    waited_us: int

    def feed(self, data: bytes, content: bool) -> None: ...
    async def room(self) -> None: ...


async def relay(exchange: Exchange, provider: Provider, decoder: Decoder, scanner: Scanner, sink: Sink) -> None:
    """Passes an answer on, read by read; returns when it is complete, and raises when it breaks off or goes wrong."""
    waiting = True
    try:
        while not scanner.done and (read := await exchange.read()):
            if waiting:
                sink.waited_us = exchange.waited_us
            chunk = scanner.feed(decoder.feed(read))
            waiting = waiting and not chunk.content
            _pass_on(chunk, provider, sink)
            del read, chunk  # nothing is held twice while clients are slow
            await sink.room()
        _pass_on(scanner.feed(decoder.end()), provider, sink)
        _pass_on(scanner.end(), provider, sink)
    except SseError as error:
        raise UpstreamInvalid(f"{provider.name} sent an answer that cannot be read.") from error
    if not scanner.ended:
        raise UpstreamInterrupted(f"{provider.name} ended its answer before it was complete.")


async def refusal(exchange: Exchange, provider: Provider) -> UpstreamError:
    """The error that a provider's answer with another status than 200 amounts to, whether or not its body comes whole."""
    body = b""
    with suppress(UpstreamError, TimeoutError):
        async with asyncio.timeout(WORDS_SECONDS):
            while len(body) < READ_LIMIT and (read := await exchange.read()):
                body += read
    return provider.dialect.failure(provider, exchange.status, dict(exchange.headers), body)


def _pass_on(chunk: Chunk, provider: Provider, sink: Sink) -> None:
    sink.feed(chunk.data, chunk.content)
    if chunk.error is not None:
        said = Complaint.read(b'{"error":' + chunk.error + b"}", provider.api_key)
        message = said.message or f"{provider.name} reported an error."
        raise UpstreamRefused(502, message, fields=asdict(said), headers={})
    if chunk.invalid is not None:
        raise UpstreamInvalid(f"{provider.name} sent an answer that is not valid: {chunk.invalid}.")
    if chunk.truncated:
        raise UpstreamInterrupted(f"{provider.name} broke off in the middle of an event.")
