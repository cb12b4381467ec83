"""The YAML's schema. Strict: what is not here is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from gateway.config.values import (
    AnswerBytes,
    ApiKey,
    BaseUrl,
    BodyBytes,
    CacheBytes,
    Dollars,
    Drain,
    Host,
    ModelName,
    Origin,
    Port,
    ProviderName,
    Rate,
    Seconds,
    Secret,
    folder,
    in_lower_case,
)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _left_empty(cls, value: Any) -> Any:
        """A setting or section that is named and left empty has its default."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            return value
        return {name: inner for name, inner in value.items() if inner is not None or name not in cls.model_fields}


class ServerConfig(Strict):
    """Where and how the gateway listens. Times are seconds, sizes bytes."""

    host: Host = "127.0.0.1"
    port: Port = 4000
    max_body: BodyBytes = 32 << 20
    header_timeout: Seconds = 15.0
    body_timeout: Seconds = 60.0
    keepalive: Seconds = 75.0
    write_timeout: Seconds = 60.0
    drain: Drain = 30.0
    cors: list[Origin] = []
    access_log: bool = False


class AuthConfig(Strict):
    """Who may call. `anonymous: auto` lets anybody in while no key exists and the gateway listens on loopback only."""

    anonymous: Literal["auto", "never"] = "auto"


class TimeoutsConfig(Strict):
    """Seconds to wait for a connection, for the head of an answer, and between two reads of it."""

    connect: Seconds = 10.0
    headers: Seconds = 600.0
    idle: Seconds = 300.0


class ProviderConfig(Strict):
    """One provider. A name that is built in needs nothing but a key; any other needs a `base_url`.

    `link_local` lets it be at a link-local address, where clouds keep their metadata service.
    """

    base_url: BaseUrl | None = None
    api_key: ApiKey | None = None
    dialect: Literal["openai"] = "openai"
    models: list[ModelName] = []
    prices: ModelName | None = None
    timeouts: TimeoutsConfig = TimeoutsConfig()
    link_local: bool = False


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
    capacity: CacheBytes = 256 << 20
    largest: AnswerBytes = 8 << 20
    ttl: Seconds = 86_400.0
    sampled: bool = True


class CacheConfig(Strict):
    exact: ExactConfig = ExactConfig()


class LimitsConfig(Strict):
    """What a key may do that sets no limits of its own."""

    requests_per_minute: Rate | None = None
    concurrency: Rate | None = None


class LogConfig(Strict):
    """How much is logged on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(in_lower_case)] = "info"


class Config(Strict):
    """Everything that an operator can set."""

    server: ServerConfig = ServerConfig()
    data_dir: Annotated[Path, BeforeValidator(folder)] | None = None
    admin_key: Secret | None = None
    secret: Secret | None = None
    auth: AuthConfig = AuthConfig()
    providers: dict[ProviderName, ProviderConfig] = {}
    models: dict[ModelName, ModelName] = {}
    prices: dict[ModelName, PriceConfig] = {}
    cache: CacheConfig = CacheConfig()
    limits: LimitsConfig = LimitsConfig()
    log: LogConfig = LogConfig()
