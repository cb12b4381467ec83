"""The YAML's schema. Strict: what is not here is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Positive = Annotated[float, Field(gt=0)]
Size = Annotated[int, Field(gt=0)]
Dollars = Annotated[float, Field(ge=0, le=1e6)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ServerConfig(Strict):
    """Where and how the gateway listens. Times are seconds, sizes bytes."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 4000
    max_body: Size = 32 << 20
    header_timeout: Positive = 15.0
    body_timeout: Positive = 60.0
    keepalive: Positive = 75.0
    write_timeout: Positive = 60.0
    drain: Annotated[float, Field(ge=0)] = 30.0


class AuthConfig(Strict):
    """Who may call. `anonymous: auto` lets anybody in while no key exists and the gateway listens on loopback only."""

    anonymous: Literal["auto", "never"] = "auto"


class TimeoutsConfig(Strict):
    """Seconds to wait for a connection, for the head of an answer, and between two reads of it."""

    connect: Positive = 10.0
    headers: Positive = 600.0
    idle: Positive = 300.0


class ProviderConfig(Strict):
    """One provider. A name that is built in needs nothing but a key; any other needs a `base_url`."""

    base_url: str | None = None
    api_key: SecretStr | None = None
    dialect: Literal["openai"] = "openai"
    models: list[str] = []
    prices: str | None = None
    timeouts: TimeoutsConfig = TimeoutsConfig()


class PriceConfig(Strict):
    """USD per million tokens."""

    input: Dollars
    output: Dollars
    cache_read: Dollars | None = None
    cache_write: Dollars | None = None
    input_audio: Dollars | None = None
    output_audio: Dollars | None = None


class ExactConfig(Strict):
    """The exact cache. `sampled: false` leaves calls alone whose temperature is not 0."""

    enabled: bool = True
    capacity: Size = 256 << 20
    largest: Size = 8 << 20
    ttl: Positive = 86_400.0
    sampled: bool = True


class CacheConfig(Strict):
    exact: ExactConfig = ExactConfig()


class LimitsConfig(Strict):
    """What a key may do that sets no limits of its own."""

    requests_per_minute: Size | None = None
    concurrency: Size | None = None


class Config(Strict):
    """Everything that an operator can set."""

    server: ServerConfig = ServerConfig()
    data_dir: Path | None = None
    admin_key: SecretStr | None = None
    secret: SecretStr | None = None
    auth: AuthConfig = AuthConfig()
    providers: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")], ProviderConfig] = {}
    models: dict[str, str] = {}
    prices: dict[str, PriceConfig] = {}
    cache: CacheConfig = CacheConfig()
    limits: LimitsConfig = LimitsConfig()
