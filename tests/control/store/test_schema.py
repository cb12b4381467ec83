"""Every version of a store becomes the latest, a step at a time, or stays what it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from importlib.resources import files

import pytest

from gateway.control.store import schema
from gateway.control.store.schema import TooNew, migrate
from gateway.ledger.row import COLUMNS


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(":memory:", isolation_level=None)
    yield db
    db.close()


def version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def test_an_empty_file_becomes_the_latest_version(db: sqlite3.Connection) -> None:
    migrate(db)

    assert version(db) == 3
    assert {name for _, name, *_ in db.execute("PRAGMA table_info(calls)")} == set(COLUMNS)
    assert {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")} == {
        "calls",
        "positions",
        "rollups",
    }


def test_migrating_twice_is_migrating_once(db: sqlite3.Connection) -> None:
    migrate(db)
    before = db.execute("SELECT * FROM sqlite_schema").fetchall()

    migrate(db)

    assert db.execute("SELECT * FROM sqlite_schema").fetchall() == before


def test_calls_of_unknown_cost_are_counted_in_the_sums_of_an_older_store(db: sqlite3.Connection) -> None:
    steps = schema._steps()
    db.executescript(steps[0] + steps[1])
    hour = 3_600 * 10**9
    for number, (model, cost) in enumerate([("a", None), ("a", None), ("a", 5), ("b", 5), ("c", None)]):
        db.execute(
            "INSERT INTO calls (id, started_ns, endpoint, key_id, model, provider, cache, outcome, cost_pico, saved_pico) "
            "VALUES (?, ?, 'chat', 'k', ?, 'p', 'miss', 'ok', ?, 0)",
            (str(number), number % 2 * 30 * hour, model, cost),
        )
        group = (number % 2 * 30, model, "p", "k", "chat", "miss", "ok")
        for hours in (1, 24):
            db.execute(
                "INSERT INTO rollups VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, 0, 0, 0, 0) "
                "ON CONFLICT DO UPDATE SET calls = calls + 1",
                (hours, group[0] // hours, *group[1:]),
            )

    db.executescript(steps[2])

    found = db.execute("SELECT hours, period, model, calls, unpriced FROM rollups ORDER BY 1, 2, 3").fetchall()
    assert found == [
        (1, 0, "a", 2, 1), (1, 0, "c", 1, 1), (1, 30, "a", 1, 1), (1, 30, "b", 1, 0),
        (24, 0, "a", 2, 1), (24, 0, "c", 1, 1), (24, 1, "a", 1, 1), (24, 1, "b", 1, 0),
    ]  # fmt: skip


def test_each_file_is_named_for_the_version_it_makes() -> None:
    names = sorted(file.name for file in (files("gateway.control.store") / "migrations").iterdir())

    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    assert all(name.endswith(".sql") for name in names)


def test_a_step_that_fails_leaves_the_version_before(db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = ["CREATE TABLE a (x)", "CREATE TABLE b (x); INSERT INTO b VALUES (1); INSERT INTO nowhere VALUES (1);"]
    monkeypatch.setattr(schema, "_steps", lambda: [f"{step};" for step in steps])

    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        migrate(db)

    assert (version(db), db.in_transaction) == (1, False)
    assert db.execute("SELECT name FROM sqlite_schema").fetchall() == [("a",)]


def test_a_store_of_a_later_gateway_is_not_touched(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA user_version = 99")

    with pytest.raises(TooNew, match="later version"):
        migrate(db)

    assert (version(db), db.execute("SELECT * FROM sqlite_schema").fetchall()) == (99, [])
