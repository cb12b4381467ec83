"""The providers' own lists of their models, asked for in the background."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Mapping, Sequence

import aiohttp

from gateway.chat.names import bounded
from gateway.providers.address import link_local
from gateway.providers.base import Provider

log = logging.getLogger(__name__)

REFRESH_SECONDS = 3600.0
LARGEST_LIST = 16 << 20
MOST_MODELS = 10_000
_TIMEOUT = aiohttp.ClientTimeout(total=30)


class Listing:
    """The models that each provider lists. A provider that gives no list keeps the one it gave before."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        self._providers = [provider for provider in providers if provider.base_url.startswith("http")]
        self.models: Mapping[str, tuple[str, ...]] = {}

    async def refresh(self) -> None:
        """Asks every provider at once."""
        found = await asyncio.gather(*map(_ask, self._providers))
        answered = {provider.name: models for provider, models in zip(self._providers, found, strict=True) if models}
        self.models = {**self.models, **answered}


async def _ask(provider: Provider) -> tuple[str, ...]:
    outgoing = provider.dialect.listing(provider)
    url = provider.base_url.rstrip("/") + outgoing.path
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, connector=_connector(provider)) as session,
            session.get(url, headers=dict(outgoing.headers), allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise ValueError(f"status {answer.status}" + (": check its key" if answer.status in (401, 403) else ""))
            return _named(provider.dialect.listed(await _bounded(answer.content)))
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        log.warning("'%s' gave no list of its models: %s", provider.name, _cause(error))
        return ()


def _connector(provider: Provider) -> aiohttp.TCPConnector:
    """Connects to what the provider's name leads to, unless that is link-local and the operator has not allowed it."""

    def open_socket(where: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = where
        if link_local(str(address[0])) and not provider.link_local:
            setting = f"providers.{provider.name}.link_local"
            raise OSError(errno.EACCES, f"its address is link-local, which takes {setting}: true")
        return socket.socket(family, kind, protocol)

    return aiohttp.TCPConnector(socket_factory=open_socket)


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    body = b""
    while read := await content.readany():
        body += read
        if len(body) > LARGEST_LIST:
            raise ValueError("the list is too long")
    return body


def _named(models: Sequence[str]) -> tuple[str, ...]:
    """The names that can be asked for: a provider's list cannot bring more, or longer ones, than we can keep."""
    return tuple(name for name in models[:MOST_MODELS] if name.isprintable() and bounded(name) == name)


def _cause(error: Exception) -> str:
    """What went wrong, in words that hold no address and no key."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection ({error.os_error.strerror or 'unknown host'})"
    return (
        str(error)
        if isinstance(error, ValueError) and not isinstance(error, aiohttp.ClientError)
        else type(error).__name__
    )
