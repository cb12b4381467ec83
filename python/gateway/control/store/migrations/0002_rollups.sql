-- In rows from before this column it is NULL, and stands for `id`.
ALTER TABLE calls ADD COLUMN request_id TEXT;

-- How far each set of the journal has been taken in.
CREATE TABLE positions (name TEXT PRIMARY KEY, segment INTEGER NOT NULL, offset INTEGER NOT NULL) WITHOUT ROWID;

-- Sums by the hour. Amounts are in two parts, high * 2^32 + low, because their sums may pass 64 bits.
CREATE TABLE rollups (
    hour INTEGER, model TEXT, provider TEXT, key_id TEXT, endpoint TEXT, cache TEXT, outcome TEXT,
    calls INTEGER NOT NULL,
    cost_high INTEGER NOT NULL, cost_low INTEGER NOT NULL,
    saved_high INTEGER NOT NULL, saved_low INTEGER NOT NULL,
    PRIMARY KEY (hour, model, provider, key_id, endpoint, cache, outcome)
) WITHOUT ROWID;

INSERT INTO rollups
SELECT hour, model, provider, key_id, endpoint, cache, outcome, calls,
       cost_high + (cost_low >> 32), cost_low & 4294967295, saved_high + (saved_low >> 32), saved_low & 4294967295
FROM (
    SELECT started_ns / 3600000000000 AS hour, ifnull(model, '') AS model, ifnull(provider, '') AS provider,
           ifnull(key_id, '') AS key_id, ifnull(endpoint, '') AS endpoint, ifnull(cache, '') AS cache,
           ifnull(outcome, '') AS outcome, count(*) AS calls,
           sum(ifnull(cost_pico, 0) >> 32) AS cost_high, sum(ifnull(cost_pico, 0) & 4294967295) AS cost_low,
           sum(ifnull(saved_pico, 0) >> 32) AS saved_high, sum(ifnull(saved_pico, 0) & 4294967295) AS saved_low
    FROM calls GROUP BY 1, 2, 3, 4, 5, 6, 7
);
