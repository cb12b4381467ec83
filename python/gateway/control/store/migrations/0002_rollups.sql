-- In rows from before this column it is NULL, and stands for `id`.
ALTER TABLE calls ADD COLUMN request_id TEXT;

-- How far each set of the journal has been taken in.
CREATE TABLE positions (name TEXT PRIMARY KEY, segment INTEGER NOT NULL, offset INTEGER NOT NULL) WITHOUT ROWID;

-- Sums by the hour and by the day: `period` counts units of `hours` since the epoch. Amounts are in two parts, high * 2^32 +
-- low, because their sums may pass 64 bits.
CREATE TABLE rollups (
    hours INTEGER, period INTEGER,
    model TEXT, provider TEXT, key_id TEXT, endpoint TEXT, cache TEXT, outcome TEXT,
    calls INTEGER NOT NULL,
    cost_high INTEGER NOT NULL, cost_low INTEGER NOT NULL,
    saved_high INTEGER NOT NULL, saved_low INTEGER NOT NULL,
    PRIMARY KEY (hours, period, model, provider, key_id, endpoint, cache, outcome)
) WITHOUT ROWID;

INSERT INTO rollups
SELECT hours, period, model, provider, key_id, endpoint, cache, outcome, calls,
       cost_high + (cost_low >> 32), cost_low & 4294967295, saved_high + (saved_low >> 32), saved_low & 4294967295
FROM (
    SELECT 1 AS hours, started_ns / 3600000000000 AS period, ifnull(model, '') AS model,
           ifnull(provider, '') AS provider, ifnull(key_id, '') AS key_id, ifnull(endpoint, '') AS endpoint,
           ifnull(cache, '') AS cache, ifnull(outcome, '') AS outcome, count(*) AS calls,
           sum(ifnull(cost_pico, 0) >> 32) AS cost_high, sum(ifnull(cost_pico, 0) & 4294967295) AS cost_low,
           sum(ifnull(saved_pico, 0) >> 32) AS saved_high, sum(ifnull(saved_pico, 0) & 4294967295) AS saved_low
    FROM calls GROUP BY 2, 3, 4, 5, 6, 7, 8
);

INSERT INTO rollups
SELECT hours, period, model, provider, key_id, endpoint, cache, outcome, calls,
       cost_high + (cost_low >> 32), cost_low & 4294967295, saved_high + (saved_low >> 32), saved_low & 4294967295
FROM (
    SELECT 24 AS hours, period / 24 AS period, model, provider, key_id, endpoint, cache, outcome, sum(calls) AS calls,
           sum(cost_high) AS cost_high, sum(cost_low) AS cost_low,
           sum(saved_high) AS saved_high, sum(saved_low) AS saved_low
    FROM rollups GROUP BY 2, 3, 4, 5, 6, 7, 8
);
