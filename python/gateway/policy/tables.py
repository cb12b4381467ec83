"""What the controller decides and the worker obeys: handed over whole at first, then as changes, and taken on at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
            "keys": [_key_values(key) for key in self.keys],
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
            keys=tuple(_key(*values) for values in fields["keys"]),
            keys_ever_made=fields["keys_ever_made"],
            listing=_listing(fields["listing"]),
        )

    def since(self, before: Tables) -> dict[str, Any]:
        """What has changed about keys and listings, as JSON values for `changed`. Nothing else does while a gateway runs."""
        known = {key.id: key for key in before.keys}
        made = [_key_values(key) for key in self.keys if known.pop(key.id, None) != key]
        changes = {
            "made": made,
            "gone": list(known),
            "admin": self.admin.hex(),
            "keys_ever_made": self.keys_ever_made,
        }
        return changes if self.listing == before.listing else {**changes, "listing": self.listing}

    def changed(self, changes: Mapping[str, Any]) -> Tables:
        """These tables after the changes that `since` gave. What has not changed is the same objects."""
        keys = {key.id: key for key in self.keys}
        for id in changes["gone"]:
            keys.pop(id, None)
        keys.update((key.id, key) for key in (_key(*values) for values in changes["made"]))
        return replace(
            self,
            keys=tuple(keys.values()),
            admin=bytes.fromhex(changes["admin"]),
            keys_ever_made=changes["keys_ever_made"],
            listing=_listing(changes["listing"]) if "listing" in changes else self.listing,
        )


def _listing(fields: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(models) for name, models in fields.items()}


def _key_values(key: Key) -> tuple[Any, ...]:
    """A key as `_key` takes it: a list, since there may be many thousands."""
    return (key.id, key.digest.hex(), key.name, key.tenant, key.models, key.requests_per_minute, key.concurrency)


def _key(
    id: str, digest: str, name: str, tenant: str, models: list[str], rpm: int | None, concurrency: int | None
) -> Key:
    return Key(id, bytes.fromhex(digest), name, tenant, tuple(models), rpm, concurrency)
