"""Which models can be asked for: the operator's, the providers' own lists, and the price catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.providers.base import Provider

FAMILIAR = (
    "demo",
    "gpt-4o-mini",
    "deepseek-chat",
    "grok-3-mini",
    "mistral-small-latest",
    "llama-3.3-70b-versatile",
)


class Catalogue(Protocol):
    """Models by the provider's id in the price catalogue."""

    def knows(self, provider: str, model: str) -> bool: ...
    def models(self, provider: str) -> list[str]: ...


class Offer:
    """Knows which bare names a provider serves. `take` swaps in what the providers listed."""

    def __init__(self, providers: Sequence[Provider], aliases: Mapping[str, object], catalogue: Catalogue) -> None:
        self._providers, self._aliases, self._catalogue = providers, aliases, catalogue
        self._listing: Mapping[str, tuple[str, ...]] = {}
        self._listed: Mapping[str, frozenset[str]] = {}
        self._rows: list[tuple[str, str]] | None = None

    def take(self, listing: Mapping[str, tuple[str, ...]]) -> None:
        """Takes on the models that each provider lists itself; of one that says nothing now, what it said before stands."""
        self._listing, self._rows = {**self._listing, **listing}, None
        self._listed = {name: frozenset(models) for name, models in self._listing.items()}

    def knows(self, provider: Provider, model: str) -> bool:
        """Whether the provider serves the model under this bare name."""
        if model in provider.models or model in self._listed.get(provider.name, ()):
            return True
        return bool(provider.prices) and self._catalogue.knows(provider.prices, model)

    def rows(self) -> list[tuple[str, str]]:
        """All names that can be asked for, with the provider that answers: bare, then `provider/model`."""
        if self._rows is None:
            listed = [(provider.name, self._names(provider)) for provider in self._providers]
            bare: dict[str, str] = {}
            for owner, names in listed:
                for model in names:
                    bare.setdefault(model, owner)
            full = {f"{owner}/{model}": owner for owner, names in listed for model in names}
            self._rows = list((bare | full).items())
        return self._rows

    def first(self) -> list[str]:
        """A few names that a newcomer may ask for, aliases first."""
        names = [name for provider in self._providers for name in self._names(provider)]
        preferred = [name for name in FAMILIAR if name in names]
        return list(dict.fromkeys([*self._aliases, *preferred, *names]))[:5] or ["provider/model"]

    def _names(self, provider: Provider) -> list[str]:
        """The provider's own list where it gave one, else the catalogue's."""
        own = self._listing.get(provider.name) or self._catalogue.models(provider.prices)
        return list(dict.fromkeys((*provider.models, *own)))
