"""What the controller decides and the worker obeys: handed over whole, taken on at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.policy.keys import Key


@dataclass(frozen=True, slots=True)
class Tables:
    """One generation of decisions. A worker obeys the latest it was given, also while no controller is there."""

    config: Mapping[str, Any]
    """The configuration after every override, as JSON values, secrets included."""
    secret: bytes
    """Keys the cache: nobody without it can make two requests share an entry."""
    admin: bytes
    """The digest of the admin key."""
    keys: tuple[Key, ...]
    """The live keys."""
    keys_ever_made: bool
    """Whether any key was ever made, revoked or not: from then on nobody is a guest."""
    listing: Mapping[str, tuple[str, ...]]
    """The models that each provider lists itself, by the provider's name."""

    def fields(self) -> dict[str, Any]:
        """The tables as JSON values."""
        return {
            "config": self.config,
            "secret": self.secret.hex(),
            "admin": self.admin.hex(),
            "keys": [_key_fields(key) for key in self.keys],
            "keys_ever_made": self.keys_ever_made,
            "listing": self.listing,
        }

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Tables:
        """The tables whose `fields` these are."""
        return cls(
            config=fields["config"],
            secret=bytes.fromhex(fields["secret"]),
            admin=bytes.fromhex(fields["admin"]),
            keys=tuple(_key(entry) for entry in fields["keys"]),
            keys_ever_made=fields["keys_ever_made"],
            listing={name: tuple(models) for name, models in fields["listing"].items()},
        )


def _key_fields(key: Key) -> dict[str, Any]:
    names = ("id", "name", "tenant", "models", "requests_per_minute", "concurrency")
    return {"digest": key.digest.hex()} | {name: getattr(key, name) for name in names}


def _key(fields: dict[str, Any]) -> Key:
    return Key(**{**fields, "digest": bytes.fromhex(fields["digest"]), "models": tuple(fields["models"])})
