"""What models there are to ask for: the operator's, the providers' own lists, and the price catalogue."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from gateway.errors import GatewayError
from gateway.ledger.prices import Prices
from gateway.providers.base import Provider
from gateway.upstream.pool import Upstream

log = logging.getLogger(__name__)

REFRESH_SECONDS = 3600.0
LISTING_LIMIT = 16 << 20


class Listing:
    """Knows which bare names a provider serves. Providers are asked for their lists in the background, once an hour."""

    def __init__(self, providers: Sequence[Provider], upstream: Upstream, prices: Prices) -> None:
        self._providers, self._upstream, self._prices = providers, upstream, prices
        self._fetched: dict[str, tuple[str, ...]] = {}
        self.changed: Callable[[], None] = lambda: None

    def knows(self, provider: Provider, model: str) -> bool:
        """Whether the provider serves the model under this bare name."""
        if model in provider.models or model in self._fetched.get(provider.name, ()):
            return True
        return bool(provider.prices) and self._prices.knows(provider.prices, model)

    def names(self, provider: Provider) -> list[str]:
        """The models that the provider is known to serve: its own list where it gave one, else the catalogue's."""
        own = self._fetched.get(provider.name) or self._prices.models(provider.prices)
        return list(dict.fromkeys((*provider.models, *own)))

    def rows(self) -> list[tuple[str, str]]:
        """All names that can be asked for, with the provider that answers: bare, then `provider/model`."""
        names: dict[str, str] = {}
        for provider in self._providers:
            for model in self.names(provider):
                names.setdefault(model, provider.name)
        for provider in self._providers:
            names |= {f"{provider.name}/{model}": provider.name for model in self.names(provider)}
        return list(names.items())

    async def fetch(self) -> None:
        """Keeps the lists fresh until cancelled."""
        while True:
            await asyncio.gather(*(self._fetch(provider) for provider in self._providers))
            self.changed()
            await asyncio.sleep(REFRESH_SECONDS)

    async def _fetch(self, provider: Provider) -> None:
        try:
            async with await self._upstream.send(provider, provider.dialect.listing(provider)) as exchange:
                body = b""
                while len(body) < LISTING_LIMIT and (read := await exchange.read()):
                    body += read
                if exchange.status == 200:
                    self._fetched[provider.name] = tuple(provider.dialect.listed(body))
        except (GatewayError, ValueError) as error:
            log.info("%s gave no list of its models: %s", provider.name, error)
