from __future__ import annotations

from dataclasses import replace

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.keys import Key
from gateway.policy.tables import Tables

TEXT = st.text(max_size=20).filter(lambda text: text.isprintable())
KEYS = st.builds(
    Key,
    id=TEXT,
    digest=st.binary(min_size=32, max_size=32),
    name=TEXT,
    tenant=TEXT,
    models=st.lists(TEXT, max_size=3).map(tuple),
    requests_per_minute=st.none() | st.integers(1, 10**9),
    concurrency=st.none() | st.integers(1, 10**6),
)
TABLES = st.builds(
    Tables,
    config=st.dictionaries(TEXT, TEXT | st.integers(0, 9) | st.none(), max_size=3),
    secret=st.binary(min_size=1, max_size=64),
    admin=st.binary(min_size=32, max_size=32),
    keys=st.lists(KEYS, max_size=3).map(tuple),
    keys_ever_made=st.booleans(),
    listing=st.dictionaries(TEXT, st.lists(TEXT, max_size=3).map(tuple), max_size=3),
)


def by_id(*keys: Key) -> tuple[Key, ...]:
    """One key for each id."""
    return tuple({key.id: key for key in keys}.values())


@given(TABLES, TABLES)
def test_changes_lead_from_one_generation_to_the_next(one: Tables, two: Tables) -> None:
    before = replace(one, keys=by_id(*one.keys, Key("kept", b"d" * 32)))
    after = replace(two, config=one.config, secret=one.secret, keys=by_id(*two.keys, Key("kept", b"d" * 32)))

    reached = before.changed(orjson.loads(orjson.dumps(after.since(before))))

    assert replace(reached, keys=()) == replace(after, keys=())
    assert {key.id: key for key in reached.keys} == {key.id: key for key in after.keys}
    assert reached.changed(after.since(before)) == reached, "once more is no harm"


def test_what_has_not_changed_is_neither_sent_nor_made_anew() -> None:
    key, listing = Key("a", b"d" * 32), {"openai": ("gpt-4o",)}
    before = Tables({}, b"s", b"a" * 32, (key,), keys_ever_made=True, listing=listing)
    after = replace(before, keys=(Key("a", b"d" * 32), Key("b", b"e" * 32)))

    changes = after.since(before)
    reached = before.changed(changes)

    assert [values[0] for values in changes["made"]] == ["b"]
    assert "listing" not in changes
    assert reached.keys[0] is key
    assert reached.listing is listing


@given(TABLES)
def test_tables_survive_the_way_to_a_worker(tables: Tables) -> None:
    assert Tables.of(orjson.loads(orjson.dumps(tables.fields()))) == tables
