from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from gateway.control.keystore import KeyStore, open_keys
from gateway.policy.keys import digest


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return open_keys(tmp_path, wall=lambda: 1_000.0)


def test_of_a_key_only_its_hash_is_kept(store: KeyStore, tmp_path: Path) -> None:
    key, secret = store.create(name="ci", tenant="acme", models=("openai/*",), requests_per_minute=60, concurrency=4)

    (record,) = store.records()
    assert record.key == key
    assert (record.created_at, record.revoked_at) == (1_000, None)
    assert key.digest == digest(secret)
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.rpartition("-")[2].encode() not in files


def test_a_revoked_key_stays_on_record(store: KeyStore) -> None:
    key, _ = store.create()

    assert store.revoke(key.id)
    assert not store.revoke(key.id)
    assert [record.revoked_at for record in store.records()] == [1_000]
    assert store.any_ever_made()


def test_another_process_s_writing_changes_the_version(store: KeyStore, tmp_path: Path) -> None:
    before = store.version()
    assert store.version() == before

    open_keys(tmp_path, wall=lambda: 0.0).create()

    assert store.version() != before


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("digest", b"short"),
        ("models", "{not json"),
        ("models", '"a name"'),
        ("models", "[1]"),
        ("name", b"\xff"),
        ("requests_per_minute", 0),
        ("requests_per_minute", "many"),
        ("created_at", "yesterday"),
    ],
)
def test_a_row_that_is_no_key_is_left_out_and_the_others_count(
    store: KeyStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, column: str, value: object
) -> None:
    spoilt, _ = store.create()
    good, _ = store.create()
    with sqlite3.connect(tmp_path / "keys.db") as db:
        db.execute(f"UPDATE keys SET {column} = ? WHERE id = ?", (value, spoilt.id))
    db.close()

    for _ in range(2):
        assert [record.key.id for record in store.records()] == [good.id]
    assert len(caplog.records) == 1


def test_the_file_is_the_owner_s_alone(store: KeyStore, tmp_path: Path) -> None:
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("keys.db*")} == {0o600}


def test_secrets_are_kept(store: KeyStore) -> None:
    assert store.secret("canon") is None
    store.keep_secret("canon", b"1234")
    assert store.secret("canon") == b"1234"
