from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.config.schema import Config
from gateway.control.credentials import Credentials
from gateway.control.keystore import open_keys
from gateway.errors import AuthenticationFailed
from gateway.policy.keys import digest


def credentials(folder: Path, config: Config | None = None) -> Credentials:
    return Credentials(config or Config(), open_keys(folder, wall=lambda: 0.0))


def test_an_admin_key_is_made_once_and_known_only_then(tmp_path: Path) -> None:
    first = credentials(tmp_path)
    assert first.fresh_admin_key is not None
    assert credentials(tmp_path).fresh_admin_key != first.fresh_admin_key, "nobody has seen it yet"

    first.keep_admin_key()
    second = credentials(tmp_path)
    assert first.admin == second.admin == digest(first.fresh_admin_key)
    assert second.fresh_admin_key is None
    second.keyring.require_admin(first.fresh_admin_key)


def test_the_operator_s_admin_key_comes_first(tmp_path: Path) -> None:
    made = credentials(tmp_path)
    made.keep_admin_key()
    own = credentials(tmp_path, Config(admin_key=SecretStr("the-operators-own-key")))

    assert own.fresh_admin_key is None
    assert own.admin == digest("the-operators-own-key") != made.admin


def test_what_another_process_wrote_is_taken_up(tmp_path: Path) -> None:
    found, other = credentials(tmp_path), open_keys(tmp_path, wall=lambda: 0.0)
    assert not found.refresh()

    key, secret = other.create()
    assert found.refresh()
    assert (found.keys, found.keys_ever_made) == ((key,), True)
    assert found.keyring.authenticate(secret) == key

    other.revoke(key.id)
    other.keep_secret("admin", digest("a-new-admin-key"))
    assert found.refresh()
    assert (found.keys, found.keys_ever_made, found.admin) == ((), True, digest("a-new-admin-key"))
    with pytest.raises(AuthenticationFailed):
        found.keyring.authenticate(secret)


def test_the_cache_s_secret_outlives_a_restart_unless_it_is_set(tmp_path: Path) -> None:
    assert credentials(tmp_path).secret == credentials(tmp_path).secret
    assert credentials(tmp_path, Config(secret=SecretStr("a-secret-of-our-own"))).secret == b"a-secret-of-our-own"
