"""What the schema cannot see: how the resolved providers, the names, the addresses and the data directory fit together."""

from __future__ import annotations

import difflib
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from urllib.parse import urlsplit

from gateway.config.datadir import data_dir
from gateway.config.problem import Problem
from gateway.config.providers import DEMO, providers, url_origin
from gateway.config.schema import Config, ServerConfig
from gateway.config.values import api_key, base_url
from gateway.providers.address import link_local
from gateway.providers.base import Provider
from gateway.providers.table import ROWS, UNSUPPORTED

Address = IPv4Address | IPv6Address
LIKENESS = 0.7
"""From how much of the letters in common a provider is suggested in place of another."""


def problems(config: Config, environ: Mapping[str, str]) -> list[Problem]:
    """Everything that would fail later: at start, or call by call. Looks at the environment and the machine."""
    wrong = dict(_variables(config, environ))
    sound = {**environ, **{str(problem.at[0]): stand_in for problem, stand_in in wrong.items()}}
    known = providers(config, sound)
    return [
        *wrong,
        *_sections(config, sound),
        *_circles(config, sound, known),
        *_link_local(config, sound, known),
        *_aliases(config, known),
        *_storage(config, environ),
    ]


def notices(config: Config, environ: Mapping[str, str]) -> list[str]:
    """What works, but perhaps not as meant: said at start, one sentence or two each."""
    known = providers(config, environ)
    domains = {_domain(provider.base_url) for provider in known}
    said = []
    for variable, (owner, address) in UNSUPPORTED.items():
        if environ.get(variable, "").strip() and _domain(address) not in domains:
            said.append(
                f"{variable} is set, but {owner}'s own API is not supported yet. Its OpenAI-compatible one can be used as a "
                f"provider with base_url: {address} and api_key: ${{{variable}}}"
            )
    for name, row in ROWS.items():
        if not row.keyless and environ.get(row.url_variable) and name not in {provider.name for provider in known}:
            said.append(f"{row.url_variable} is set, but not {row.key_variable}, so {name} is not used.")
    if known == [DEMO]:
        said.append(
            "No provider is configured, so the built-in demo answers for every known model. "
            "Set OPENAI_API_KEY or another provider's key to talk to a real one."
        )
    return said


def _variables(config: Config, environ: Mapping[str, str]) -> Iterator[tuple[Problem, str]]:
    """What is wrong with built-in providers' variables, which follow the file's rules; with a value to go on with."""
    for name, row in ROWS.items():
        section = config.providers.get(name)
        for variable, rule, stand_in, overruled in (
            (row.key_variable, api_key, "unknown", section and section.api_key),
            (row.url_variable, base_url, row.base_url, section and section.base_url),
        ):
            value = environ.get(variable, "").strip()
            if value and not overruled:
                try:
                    rule(value)
                except ValueError as error:
                    yield Problem((variable,), str(error)), stand_in


def _sections(config: Config, environ: Mapping[str, str]) -> Iterator[Problem]:
    for name, section in config.providers.items():
        at, row = ("providers", name), ROWS.get(name)
        if name == DEMO.name:
            yield Problem(at, "this is the name of the built-in demo; choose another")
        elif row is None:
            if section.base_url is None:
                yield Problem((*at, "base_url"), f"missing; only {', '.join(ROWS)} need none")
        elif not (row.keyless or section.api_key or section.base_url or environ.get(row.url_variable)) and not (
            environ.get(row.key_variable, "").strip()
        ):
            yield Problem((*at, "api_key"), f"missing; set it here, or {row.key_variable} in the environment")


def _circles(config: Config, environ: Mapping[str, str], known: list[Provider]) -> Iterator[Problem]:
    for provider in known:
        if provider.base_url != DEMO.base_url and _is_own(provider.base_url, config.server):
            yield Problem(
                url_origin(provider.name, config, environ),
                "this is the gateway itself; every call would go round in a circle",
            )


def _link_local(config: Config, environ: Mapping[str, str], known: list[Provider]) -> Iterator[Problem]:
    """A name that stands for such an address is refused when it is dialled."""
    for provider in known:
        if not provider.link_local and link_local(urlsplit(provider.base_url).hostname or ""):
            yield Problem(
                url_origin(provider.name, config, environ),
                "a link-local address, where clouds keep their metadata service; if a provider is there, set "
                f"providers.{provider.name}.link_local: true",
            )


def _aliases(config: Config, known: list[Provider]) -> Iterator[Problem]:
    usable = {provider.name for provider in [*known, DEMO]}
    for alias, target in config.models.items():
        at = ("models", alias)
        name, slash, model = target.partition("/")
        if not slash or not model or model != model.strip():
            yield Problem(at, f"must be 'provider/model', not '{target}'")
        elif name in usable or name in config.providers:
            continue
        elif (row := ROWS.get(name)) is not None:
            yield Problem(at, f"{name} is not set up; set {row.url_variable if row.keyless else row.key_variable}")
        else:
            near = difflib.get_close_matches(name, [*config.providers, *ROWS], 1, LIKENESS)
            yield Problem(at, f"no provider '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""))


def _storage(config: Config, environ: Mapping[str, str]) -> Iterator[Problem]:
    try:
        folder = data_dir(config, environ).absolute()
    except (RuntimeError, OSError) as error:
        yield Problem(("data_dir",), f"cannot be found: {error}")
        return
    existing = next((path for path in (folder, *folder.parents) if os.path.lexists(path)), Path("/"))
    if not existing.is_dir():
        yield Problem(("data_dir",), f"cannot be used: {existing} is not a directory")
    elif not os.access(existing, os.W_OK | os.X_OK):
        yield Problem(
            ("data_dir",), f"cannot be written: {existing} is not writable for this user. Set GATEWAY_DATA_DIR"
        )


def _domain(url: str) -> str:
    return ".".join((urlsplit(url).hostname or "").split(".")[-2:])


def _is_own(url: str, server: ServerConfig) -> bool:
    """Whether a URL leads to where this gateway will listen."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if port != server.port:
        return False
    listening = _addresses(server.host)
    everywhere = any(address.is_unspecified for address in listening)
    return any(
        address.is_loopback or address.is_unspecified or address in listening or (everywhere and _is_here(address))
        for address in _addresses(parts.hostname or "")
    )


def _addresses(host: str) -> set[Address]:
    """What a host name stands for, in whatever spelling; empty when it cannot be resolved now."""
    with suppress(OSError, UnicodeError):
        found = {ip_address(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
        return {getattr(address, "ipv4_mapped", None) or address for address in found}
    return set()


def _is_here(address: Address) -> bool:
    """Whether an address is one of this machine's: only those can be bound."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((str(address), 0))
        return True
    return False
