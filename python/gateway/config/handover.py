"""The configuration on its way from one process to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from pydantic import SecretStr

from gateway.config.schema import Config


def dump(config: Config) -> bytes:
    """A validated configuration as JSON, secrets in the clear: for pipes and sockets that nobody else can read."""
    return orjson.dumps(config.model_dump(), default=_plain)


def load(data: bytes) -> Config:
    """The configuration that `dump` wrote."""
    return Config.model_validate(orjson.loads(data))


def _plain(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(type(value).__name__)
