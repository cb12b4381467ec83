"""From a file and the environment to a `Config`, or to a list of everything that is wrong with them."""

from __future__ import annotations

import difflib
import os
import re
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ValidationError

from gateway.config.schema import Config
from gateway.providers.table import ROWS

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_LITELLM = "os.environ/"
Path_ = tuple[str | int, ...]


class ConfigError(Exception):
    """The configuration is not usable; `problems` says why, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(path: Path | None, environ: Mapping[str, str] = os.environ) -> Config:
    """Reads the file (none is a working set-up too), with the environment's overrides; raises `ConfigError` with all problems."""
    raw = _parse(path) if path else {}
    missing: list[str] = []
    raw = _expand(raw, environ, (), missing)
    _override(raw, environ)
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(missing + [_explain(detail) for detail in error.errors()]) from None
    if problems := missing + list(_cross_check(config)):
        raise ConfigError(problems)
    return config


def _parse(path: Path) -> dict[str, Any]:
    try:
        raw = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}"]) from error
    except yaml.MarkedYAMLError as error:  # its full text quotes the file, and with it perhaps a secret
        at = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError([f"{path}: not valid YAML{at}: {error.problem}"]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: not valid YAML: {' '.join(str(error).split())}"]) from error
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise ConfigError([f"{path}: expected a mapping such as 'server:', not {type(raw).__name__}"])
    return raw


def _expand(value: Any, environ: Mapping[str, str], at: Path_, missing: list[str]) -> Any:
    """Replaces `${VAR}`, `${VAR:-default}` and `os.environ/VAR` in every string."""
    if isinstance(value, dict):
        return {key: _expand(inner, environ, (*at, str(key)), missing) for key, inner in value.items()}
    if isinstance(value, list):
        return [_expand(inner, environ, (*at, index), missing) for index, inner in enumerate(value)]
    if not isinstance(value, str):
        return value
    if value.startswith(_LITELLM):
        value = f"${{{value.removeprefix(_LITELLM)}}}"

    def look_up(match: re.Match[str]) -> str:
        name, default = match.groups()
        found = environ.get(name, default)
        if found is None:
            missing.append(f"{_dotted(at)}: the environment variable {name} is not set")
            return ""
        return found

    return _REFERENCE.sub(look_up, value)


def _override(raw: dict[str, Any], environ: Mapping[str, str]) -> None:
    if port := environ.get("GATEWAY_PORT"):
        server = raw.setdefault("server", {})
        if isinstance(server, dict):
            server["port"] = port
    for name in ("data_dir", "admin_key", "secret"):
        if value := environ.get(f"GATEWAY_{name.upper()}"):
            raw[name] = value


def _explain(detail: Any) -> str:
    at: Path_ = detail["loc"]
    if detail["type"] != "extra_forbidden":
        return f"{_dotted(at)}: {detail['msg']}"
    known = _fields_at(at[:-1])
    near = difflib.get_close_matches(str(at[-1]), known, 1, 0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(sorted(known))}"
    return f"{_dotted(at)}: unknown key; {hint}"


def _fields_at(at: Path_) -> list[str]:
    """The field names of the section that a path leads to."""
    model: Any = Config
    for step in at:
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = model.model_fields[str(step)].annotation
        else:
            model = get_args(model)[-1]
        if get_origin(model) in (types.UnionType,):
            model = next(arm for arm in get_args(model) if arm is not type(None))
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _cross_check(config: Config) -> Iterator[str]:
    for name, provider in config.providers.items():
        if provider.base_url is None and name not in ROWS:
            yield f"providers.{name}.base_url: missing; only {', '.join(ROWS)} need none"
        if provider.base_url is not None:
            here = {"127.0.0.1", "localhost", "::1", config.server.host}
            scheme, host, port = _address(provider.base_url)
            if scheme not in ("http", "https") or not host:
                yield f"providers.{name}.base_url: must be an http or https URL such as https://host/v1"
            elif port == config.server.port and host in here:
                yield f"providers.{name}.base_url: this is the gateway itself; every call would go round in a circle"
    for alias, target in config.models.items():
        provider_name, slash, model = target.partition("/")
        if not slash or not model:
            yield f"models.{alias}: must be 'provider/model', not '{target}'"
        elif provider_name not in config.providers and provider_name not in ROWS and provider_name != "demo":
            near = difflib.get_close_matches(provider_name, [*config.providers, *ROWS], 1)
            yield f"models.{alias}: no provider '{provider_name}'" + (f"; did you mean '{near[0]}'?" if near else "")


def _address(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port; empty where there are none."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        return "", "", None


def _dotted(at: Path_) -> str:
    return ".".join(str(step) for step in at) or "configuration"
