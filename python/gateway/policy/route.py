"""Which provider and model answer a call: the plan, a list of steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from gateway.errors import ModelNotFound
from gateway.providers.base import Provider, Target

CACHED_NAMES = 10_000
"""Names whose plans are kept, those asked for last."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where a call may be sent."""

    target: Target


class Router:
    """Resolves the model that a client names: an alias, `provider/model`, or a bare name that a provider is known to serve."""

    def __init__(
        self,
        providers: Sequence[Provider],
        aliases: Mapping[str, Target],
        knows: Callable[[Provider, str], bool],
        stand_ins: Mapping[str, Provider] = MappingProxyType({}),
    ) -> None:
        """`stand_ins` answer for the names of providers that are not configured."""
        self.providers = {provider.name: provider for provider in providers}
        self._by_name = {**stand_ins, **self.providers}
        self.aliases = aliases
        self._knows = knows
        self._plans = lru_cache(CACHED_NAMES)(self._steps)

    def plan(self, model: str) -> tuple[Step, ...]:
        """The steps to try, in order; raises `ModelNotFound`."""
        if plan := self._plans(model):
            return plan
        raise ModelNotFound(
            f"The model '{model[:100]}' does not exist here. GET /v1/models lists the models; "
            "'provider/model' reaches any model of a configured provider.",
            param="model",
        )

    def forget(self) -> None:
        """Drops what was resolved, because what providers serve has changed."""
        self._plans.cache_clear()

    def _steps(self, model: str) -> tuple[Step, ...]:
        """The steps to try; none for a name that leads nowhere, which is remembered too."""
        target = self._resolve(model)
        return (Step(target),) if target is not None else ()

    def _resolve(self, model: str) -> Target | None:
        if target := self.aliases.get(model):
            return target
        name, slash, rest = model.partition("/")
        if slash and rest and (provider := self._by_name.get(name)):
            return Target(provider, rest)
        for provider in self.providers.values():
            if self._knows(provider, model):
                return Target(provider, model)
        return None
