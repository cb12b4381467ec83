"""What a dialect must offer, and the values it works on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from gateway.errors import UpstreamError
from gateway.native import Reading


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `headers` and `idle` default to what OpenAI's own SDK waits for a whole answer."""

    connect: float = 10.0
    headers: float = 600.0
    idle: float = 300.0


@dataclass(frozen=True, slots=True)
class Provider:
    """One configured provider: where it is, how it is spoken to, and whose prices it has."""

    name: str
    base_url: str
    dialect: Dialect
    api_key: str = field(default="", repr=False)
    key_variable: str = ""
    """The environment variable that the key may come from."""
    prices: str = ""
    """The provider's id in the price catalogue."""
    models: tuple[str, ...] = ()
    """Bare model names that the operator says it serves."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    link_local: bool = False
    """Whether it may be at a link-local address."""

    @property
    def key_setting(self) -> str:
        """Where the operator sets the key, as a message names it."""
        setting = f"providers.{self.name}.api_key"
        return f"{self.key_variable} or {setting}" if self.key_variable else setting


@dataclass(frozen=True, slots=True)
class Target:
    """A model at a provider."""

    provider: Provider
    model: str


@dataclass(slots=True)
class Outgoing:
    """A request in the provider's own form. `path` is relative to the provider's base URL."""

    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    method: str = "POST"
    stream: bool = False
    """Whether a stream is asked for, whatever the answer will be labelled."""
    sent: bool = False
    """Set by the transport: some of it may have reached the provider."""


class Decoder(Protocol):
    """Turns one answer into OpenAI's wire form; any split of the bytes gives the same.

    A streamed answer becomes SSE events, a whole one a `chat.completion` body (a whole body is one event).
    """

    def feed(self, read: bytes) -> bytes: ...
    def end(self) -> bytes: ...


class Dialect(Protocol):
    """Pure translation for one wire format."""

    def encode(self, request: Reading, target: Target) -> Outgoing: ...
    def decoder(self, request: Reading) -> Decoder: ...
    def failure(self, provider: Provider, status: int, headers: dict[str, str], body: bytes) -> UpstreamError: ...
    def listing(self, provider: Provider) -> Outgoing: ...
    def listed(self, body: bytes) -> list[str]: ...
