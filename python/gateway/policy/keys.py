"""Who is calling: the keys of this gateway, their secrets' hashes and what each may do."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from gateway.errors import AuthenticationFailed, PermissionRefused
from gateway.native import sha256

PREFIX = "sk-gw-"
ADMIN = "admin"
ANONYMOUS = "anonymous"
NO_KEY = (
    "No API key was sent. Send a key of this gateway as 'Authorization: Bearer sk-gw-…'; gateway keys create makes one."
)
_NOBODY = bytes(32)


def new_secret(public_id: str) -> str:
    """A fresh key: `sk-gw-<public id>-<192 random bits>`."""
    return f"{PREFIX}{public_id}-{secrets.token_hex(24)}"


def new_admin_secret() -> str:
    """A fresh admin key."""
    return f"{PREFIX}admin-{secrets.token_hex(24)}"


def public_id(key: str) -> str:
    """The public id of a whole key; of anything else, itself."""
    return key[len(PREFIX) :].partition("-")[0] if key.startswith(PREFIX) else key


def new_public_id() -> str:
    return secrets.token_hex(6)


def digest(secret: str) -> bytes:
    """What is stored of a key. The secret has 192 random bits, so one round of SHA-256 is enough."""
    return sha256(secret.encode("utf-8", "surrogateescape"))


@dataclass(frozen=True, slots=True)
class Key:
    """One caller, as the data plane knows it. Limits of None are no limits; models are names or patterns such as `openai/*`."""

    id: str
    digest: bytes = field(repr=False)
    name: str = ""
    tenant: str = "default"
    models: tuple[str, ...] = ()
    requests_per_minute: int | None = None
    concurrency: int | None = None

    def permit(self, model: str) -> None:
        """Raises `PermissionRefused` if this key may not use the model."""
        if self.models and not any(fnmatchcase(model, pattern) for pattern in self.models):
            raise PermissionRefused(
                f"This key may not use the model '{model[:100]}'.", param="model", code="model_not_allowed"
            )


class Keyring:
    """All keys, by public id. Nobody gets in before the first `replace`, which swaps the whole table at once."""

    def __init__(self, *, anonymous: bool) -> None:
        self._anonymous = anonymous
        self._admin = Key(ADMIN, _NOBODY, name=ADMIN)
        self._guest = Key(ANONYMOUS, _NOBODY, name=ANONYMOUS)
        self._by_id: dict[str, Key] = {}
        self.refused = 0
        """Requests that were refused because they had no valid key."""

    def replace(self, keys: Iterable[Key], *, admin: bytes, ever: bool) -> None:
        """Takes on the live keys and the admin key's digest; `ever` says whether any key was ever made, revoked or not."""
        self._by_id = {key.id: key for key in keys}
        self._admin = Key(ADMIN, admin, name=ADMIN)
        self._anonymous = self._anonymous and not ever

    @property
    def open_to_guests(self) -> bool:
        return self._anonymous

    def __len__(self) -> int:
        return len(self._by_id)

    def authenticate(self, credential: str) -> Key:
        """The key that `credential` proves. Compared in constant time, found or not.

        Where no key was ever made and the gateway listens on loopback only, anybody who does not claim a key is a guest.
        """
        key = self._find(credential, digest(credential))
        if key is not None:
            return key
        if self._welcomes(credential):
            return self._guest
        self.refused += 1
        raise AuthenticationFailed if credential else AuthenticationFailed(NO_KEY)

    def is_guest(self, credential: str) -> bool:
        """Whether this is nobody's key, and nobody needs one."""
        return self._find(credential, digest(credential)) is None and self._welcomes(credential)

    def _welcomes(self, credential: str) -> bool:
        return self._anonymous and not credential.startswith(PREFIX)

    def _find(self, credential: str, presented: bytes) -> Key | None:
        key = self._by_id.get(credential[len(PREFIX) :].partition("-")[0])
        if hmac.compare_digest(presented, key.digest if key else _NOBODY) and key and credential:
            return key
        return self._admin if self.is_admin(credential) else None

    def require_admin(self, credential: str) -> None:
        """Raises unless `credential` is the admin key; a valid key of a caller is a 403, everything else a 401."""
        if not self.is_admin(credential):
            self.authenticate(credential)
            raise PermissionRefused("This needs the admin key (GATEWAY_ADMIN_KEY).", code="admin_key_required")

    def is_admin(self, credential: str) -> bool:
        """Whether this is the admin key. Nothing is nobody's key, whatever the digest."""
        return hmac.compare_digest(digest(credential), self._admin.digest) and credential != ""
