"""Which providers there are: those configured, and those whose usual key variable is set; else the built-in demo."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.config import values
from gateway.config.problem import Location
from gateway.config.schema import Config, ProviderConfig
from gateway.ledger.prices import ANY_PROVIDER, own_rate
from gateway.providers.base import Provider, Target, Timeouts
from gateway.providers.table import DIALECTS, OPENAI, ROWS, UNSUPPORTED_NAMES

DEMO = Provider("demo", "demo:", OPENAI, prices=ANY_PROVIDER, models=("demo",))
DEMO_PRICE = own_rate({"input": 0.15, "output": 0.60})
"""Play money for the model `demo`, so a first look at the analytics has something to show."""


def providers(config: Config, environ: Mapping[str, str]) -> list[Provider]:
    """The providers in the order in which bare model names are looked for: the file's first, then the environment's.

    Raises `ValueError` for a variable that `checks.problems` would name.
    """
    found = [_configured(name, section, environ) for name, section in config.providers.items()]
    for name, row in ROWS.items():
        needed = row.url_variable if row.keyless else row.key_variable
        if name not in config.providers and environ.get(needed, "").strip():
            found.append(_configured(name, ProviderConfig(), environ))
    return found or [DEMO]


def stand_ins(known: list[Provider]) -> dict[str, Provider]:
    """Until a provider is configured, the demo answers `openai/gpt-4o` and its like as it does `gpt-4o`."""
    return dict.fromkeys((*ROWS, *UNSUPPORTED_NAMES), DEMO) if known == [DEMO] else {}


def aliases(config: Config, known: list[Provider]) -> dict[str, Target]:
    """The operator's own model names. One whose provider has no key here answers as if it were not there."""
    by_name = {provider.name: provider for provider in [*known, DEMO]}
    split = {alias: target.partition("/") for alias, target in config.models.items()}
    return {alias: Target(by_name[name], model) for alias, (name, _, model) in split.items() if name in by_name}


def url_origin(name: str, config: Config, environ: Mapping[str, str]) -> Location:
    """Which setting or variable a provider's address comes from."""
    section, row = config.providers.get(name), ROWS.get(name)
    if row is not None and not (section and section.base_url) and environ.get(row.url_variable):
        return (row.url_variable,)
    return ("providers", name, "base_url")


def _configured(name: str, section: ProviderConfig, environ: Mapping[str, str]) -> Provider:
    row = ROWS.get(name)
    base_url, key = section.base_url, section.api_key.get_secret_value() if section.api_key else ""
    if row is not None:
        if not base_url:
            base_url = values.base_url(environ.get(row.url_variable, "").strip() or row.base_url)
        if not key and (found := environ.get(row.key_variable, "").strip()):
            key = values.api_key(found)
    timeouts = section.timeouts
    return Provider(
        name,
        base_url or "",
        DIALECTS[row.dialect if row else section.dialect],
        api_key=key,
        key_variable=row.key_variable if row else "",
        prices=section.prices or (row.prices if row else name),
        models=tuple(section.models),
        timeouts=Timeouts(timeouts.connect, timeouts.headers, timeouts.idle),
        link_local=section.link_local,
    )
