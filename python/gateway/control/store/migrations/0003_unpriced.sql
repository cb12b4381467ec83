-- How many of the calls have a cost that nobody knows.
ALTER TABLE rollups ADD COLUMN unpriced INTEGER NOT NULL DEFAULT 0;

UPDATE rollups SET unpriced = found.unpriced FROM (
    SELECT started_ns / 3600000000000 AS period, ifnull(model, '') AS model, ifnull(provider, '') AS provider,
           ifnull(key_id, '') AS key_id, ifnull(endpoint, '') AS endpoint, ifnull(cache, '') AS cache,
           ifnull(outcome, '') AS outcome, count(*) AS unpriced
    FROM calls WHERE cost_pico IS NULL GROUP BY 1, 2, 3, 4, 5, 6, 7
) AS found
WHERE rollups.hours = 1 AND rollups.period = found.period AND rollups.model = found.model
  AND rollups.provider = found.provider AND rollups.key_id = found.key_id AND rollups.endpoint = found.endpoint
  AND rollups.cache = found.cache AND rollups.outcome = found.outcome;

UPDATE rollups SET unpriced = found.unpriced FROM (
    SELECT period / 24 AS period, model, provider, key_id, endpoint, cache, outcome, sum(unpriced) AS unpriced
    FROM rollups WHERE hours = 1 AND unpriced > 0 GROUP BY 1, 2, 3, 4, 5, 6, 7
) AS found
WHERE rollups.hours = 24 AND rollups.period = found.period AND rollups.model = found.model
  AND rollups.provider = found.provider AND rollups.key_id = found.key_id AND rollups.endpoint = found.endpoint
  AND rollups.cache = found.cache AND rollups.outcome = found.outcome;
