from __future__ import annotations

from gateway.control.key_table import cells, described, plain
from gateway.control.keystore import KeyRecord
from gateway.policy.keys import Key

LIVE = KeyRecord(Key("1", b"d" * 32, "team", "acme", ("openai/*", "x"), 60), created_at=0, revoked_at=None)
REVOKED = KeyRecord(Key("22", b"e" * 32), created_at=0, revoked_at=90_061)


def test_a_key_is_described_without_its_secret_and_with_iso_times() -> None:
    assert described(LIVE) == {
        "id": "1",
        "name": "team",
        "tenant": "acme",
        "models": ["openai/*", "x"],
        "rpm": 60,
        "concurrency": None,
        "created": "1970-01-01T00:00:00Z",
        "revoked": None,
    }
    assert described(REVOKED)["revoked"] == "1970-01-02T01:01:01Z"


def test_a_table_has_a_column_for_each_field() -> None:
    heading, live, revoked = plain([cells(described(LIVE)), cells(described(REVOKED))])

    assert heading.split() == ["id", "name", "tenant", "models", "rpm", "concurrency", "created", "revoked"]
    assert live == "1   team  acme     openai/*, x  60   -            1970-01-01 00:00  -"
    assert revoked == "22  -     default  all          -    -            1970-01-01 00:00  1970-01-02 01:01"
