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
        self.fresh_admin_key = None if config.admin_key or store.secret("admin") else new_admin_secret()
        """The admin key, if there was none: `keep_admin_key` once somebody has seen it."""
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
        if own is not None:
            self.admin = digest(own.get_secret_value())
        elif kept := self._store.secret("admin"):
            self.admin, self.fresh_admin_key = kept, None
        else:
            self.admin = digest(self.fresh_admin_key or "")
        self.keyring.replace(self.keys, admin=self.admin, ever=self.keys_ever_made)
        self._version = version
        return True

    def keep_admin_key(self) -> None:
        """Keeps the digest of a fresh admin key. A controller that dies before makes another, which can then be shown."""
        if self.fresh_admin_key is not None:
            self._store.keep_secret("admin", digest(self.fresh_admin_key))

    def close(self) -> None:
        self._store.close()


def _secret(config: Config, store: KeyStore) -> bytes:
    if config.secret is not None:
        return config.secret.get_secret_value().encode()
    kept = store.secret("canon")
    if kept is None:
        kept = os.urandom(32)
        store.keep_secret("canon", kept)
    return kept
