-- The key is in order of time: a batch goes to the end of one tree, and a span of time is one piece of it.
CREATE TABLE IF NOT EXISTS calls (
    id TEXT, started_ns INTEGER, endpoint TEXT, key_id TEXT, model TEXT, provider TEXT, target TEXT, stream INTEGER,
    outcome TEXT, status INTEGER, error TEXT, cache TEXT, attempts INTEGER, input_tokens INTEGER, output_tokens INTEGER,
    cached_tokens INTEGER, cache_write_tokens INTEGER, reasoning_tokens INTEGER, cost_pico INTEGER, cost_source TEXT,
    saved_pico INTEGER, saved_by TEXT, partial INTEGER, first_byte_us INTEGER, duration_us INTEGER,
    PRIMARY KEY (started_ns, id)
) WITHOUT ROWID;
