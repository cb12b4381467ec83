"""Who may call, as the key store and the configuration say."""

from __future__ import annotations

import os

from gateway.config.schema import Config
from gateway.control.keystore import KeyStore
from gateway.policy.keys import Key, Keyring, digest, new_admin_secret


class Credentials:
    """The live keys, the admin key's digest and the deployment's secret. `refresh` takes up what `gateway keys` has written."""

    keys: tuple[Key, ...]
    keys_ever_made: bool
    admin: bytes
    """The digest of the admin key."""

    def __init__(self, config: Config, store: KeyStore) -> None:
        self._config, self._store = config, store
        self.fresh_admin_key = _ensure_admin_key(config, store)
        """The admin key, if it was made just now: nobody can show it later."""
        self.secret = _secret(config, store)
        """Keys the cache: `secret` (GATEWAY_SECRET), else one that is made once and kept."""
        self.keyring = Keyring(anonymous=False)
        self._version: int | None = None
        self.refresh()

    def refresh(self) -> bool:
        """Whether anything was new."""
        version = self._store.version()
        if version == self._version:
            return False
        own = self._config.admin_key
        self.keys = tuple(record.key for record in self._store.records() if record.revoked_at is None)
        self.keys_ever_made = self._store.any_ever_made()
        self.admin = digest(own.get_secret_value()) if own else self._store.secret("admin") or b""
        self.keyring.replace(self.keys, admin=self.admin, ever=self.keys_ever_made)
        self._version = version
        return True

    def close(self) -> None:
        self._store.close()


def _ensure_admin_key(config: Config, store: KeyStore) -> str | None:
    if config.admin_key is not None or store.secret("admin"):
        return None
    fresh = new_admin_secret()
    store.keep_secret("admin", digest(fresh))
    return fresh


def _secret(config: Config, store: KeyStore) -> bytes:
    if config.secret is not None:
        return config.secret.get_secret_value().encode()
    kept = store.secret("canon")
    if kept is None:
        kept = os.urandom(32)
        store.keep_secret("canon", kept)
    return kept
