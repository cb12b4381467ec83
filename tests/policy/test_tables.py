from __future__ import annotations

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


@given(TABLES)
def test_tables_survive_the_way_to_a_worker(tables: Tables) -> None:
    assert Tables.of(orjson.loads(orjson.dumps(tables.fields()))) == tables
