-- cursor --
SELECT (SELECT value FROM meta WHERE key = 'cursor'), (SELECT value FROM meta WHERE key = 'ledger'),
       (SELECT value FROM meta WHERE key = 'read_us');

-- keep_place --
UPDATE meta SET value = CASE key WHEN 'cursor' THEN ?1 WHEN 'ledger' THEN ?2 ELSE ?3 END
WHERE key IN ('cursor', 'ledger', 'read_us');

-- counted --
SELECT job_id, counted_nano FROM spend WHERE job_id IN (SELECT value FROM json_each(?));

-- ended --
SELECT job_id FROM spend
WHERE state IN ('completed', 'failed', 'cancelled', 'expired')
  AND job_id IN (SELECT value FROM json_each(?));

-- open --
SELECT job_id FROM spend WHERE finished_us IS NULL;

-- whose --
SELECT job_id, owner, user_id, team_id, model FROM spend
WHERE job_id IN (SELECT value FROM json_each(?));

-- put --
-- An end is an end: another process may have counted it since this one read the job.
INSERT INTO spend (
    job_id, at_ms, owner, user_id, team_id, model, provider, upstream_model, operation, state,
    cost_status, quoted_nano, usd_nano, possible_nano, counted_nano, finished_us, seconds
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (job_id) DO UPDATE SET
    upstream_model = excluded.upstream_model, state = excluded.state,
    cost_status = excluded.cost_status, quoted_nano = excluded.quoted_nano,
    usd_nano = excluded.usd_nano, possible_nano = excluded.possible_nano,
    counted_nano = excluded.counted_nano, finished_us = excluded.finished_us,
    seconds = excluded.seconds
WHERE spend.state NOT IN ('completed', 'failed', 'cancelled', 'expired')
    OR excluded.state IN ('completed', 'failed', 'cancelled', 'expired');

-- spent_gateway --
SELECT coalesce(sum(counted_nano), 0) FROM spend
WHERE at_ms >= ?2 AND at_ms < ?3 AND ?1 IS NOT NULL
  AND job_id NOT IN (SELECT value FROM json_each(?4));

-- spent_key --
SELECT coalesce(sum(counted_nano), 0) FROM spend
WHERE owner = ?1 AND at_ms >= ?2 AND at_ms < ?3
  AND job_id NOT IN (SELECT value FROM json_each(?4));

-- spent_user --
SELECT coalesce(sum(counted_nano), 0) FROM spend
WHERE user_id = ?1 AND at_ms >= ?2 AND at_ms < ?3
  AND job_id NOT IN (SELECT value FROM json_each(?4));

-- spent_team --
SELECT coalesce(sum(counted_nano), 0) FROM spend
WHERE team_id = ?1 AND at_ms >= ?2 AND at_ms < ?3
  AND job_id NOT IN (SELECT value FROM json_each(?4));

-- tell --
INSERT OR IGNORE INTO told (kind, id, start_ms, what) VALUES (?, ?, ?, ?);

-- told --
SELECT kind, id, start_ms, what FROM told WHERE start_ms >= ?;

-- logs --
SELECT job_id, at_ms, owner, user_id, team_id, model, provider, upstream_model, operation, state,
    cost_status, quoted_nano, usd_nano, possible_nano, finished_us, seconds
FROM spend
WHERE at_ms >= ?1 AND at_ms < ?2 AND (?3 IS NULL OR owner = ?3) AND (?4 IS NULL OR user_id = ?4)
  AND (?5 IS NULL OR team_id = ?5) AND (?6 IS NULL OR model = ?6) AND (?7 IS NULL OR state = ?7)
  AND (?8 IS NULL OR job_id = ?8)
ORDER BY at_ms DESC, job_id DESC LIMIT ?9 OFFSET ?10;

-- count_logs --
SELECT count(*) FROM spend
WHERE at_ms >= ?1 AND at_ms < ?2 AND (?3 IS NULL OR owner = ?3) AND (?4 IS NULL OR user_id = ?4)
  AND (?5 IS NULL OR team_id = ?5) AND (?6 IS NULL OR model = ?6) AND (?7 IS NULL OR state = ?7)
  AND (?8 IS NULL OR job_id = ?8);

-- logs_of_key --
SELECT job_id, at_ms, owner, user_id, team_id, model, provider, upstream_model, operation, state,
    cost_status, quoted_nano, usd_nano, possible_nano, finished_us, seconds
FROM spend
WHERE owner = ?3 AND at_ms >= ?1 AND at_ms < ?2 AND (?4 IS NULL OR user_id = ?4)
  AND (?5 IS NULL OR team_id = ?5) AND (?6 IS NULL OR model = ?6) AND (?7 IS NULL OR state = ?7)
  AND (?8 IS NULL OR job_id = ?8)
ORDER BY at_ms DESC, job_id DESC LIMIT ?9 OFFSET ?10;

-- count_logs_of_key --
SELECT count(*) FROM spend
WHERE owner = ?3 AND at_ms >= ?1 AND at_ms < ?2 AND (?4 IS NULL OR user_id = ?4)
  AND (?5 IS NULL OR team_id = ?5) AND (?6 IS NULL OR model = ?6) AND (?7 IS NULL OR state = ?7)
  AND (?8 IS NULL OR job_id = ?8);

-- report_key --
SELECT owner, count(*), sum(usd_nano), sum(possible_nano), sum(usd_nano IS NULL AND finished_us IS NULL),
    sum(finished_us IS NOT NULL AND usd_nano IS NULL), sum(iif(state = 'completed', seconds, NULL))
FROM spend WHERE at_ms >= ?1 AND at_ms < ?2 GROUP BY 1 ORDER BY 3 DESC, 1;

-- report_user --
SELECT user_id, count(*), sum(usd_nano), sum(possible_nano), sum(usd_nano IS NULL AND finished_us IS NULL),
    sum(finished_us IS NOT NULL AND usd_nano IS NULL), sum(iif(state = 'completed', seconds, NULL))
FROM spend WHERE at_ms >= ?1 AND at_ms < ?2 GROUP BY 1 ORDER BY 3 DESC, 1;

-- report_team --
SELECT team_id, count(*), sum(usd_nano), sum(possible_nano), sum(usd_nano IS NULL AND finished_us IS NULL),
    sum(finished_us IS NOT NULL AND usd_nano IS NULL), sum(iif(state = 'completed', seconds, NULL))
FROM spend WHERE at_ms >= ?1 AND at_ms < ?2 GROUP BY 1 ORDER BY 3 DESC, 1;

-- report_model --
SELECT model, count(*), sum(usd_nano), sum(possible_nano), sum(usd_nano IS NULL AND finished_us IS NULL),
    sum(finished_us IS NOT NULL AND usd_nano IS NULL), sum(iif(state = 'completed', seconds, NULL))
FROM spend WHERE at_ms >= ?1 AND at_ms < ?2 GROUP BY 1 ORDER BY 3 DESC, 1;

-- report_day --
SELECT date(at_ms / 1000, 'unixepoch'), count(*), sum(usd_nano), sum(possible_nano),
    sum(usd_nano IS NULL AND finished_us IS NULL), sum(finished_us IS NOT NULL AND usd_nano IS NULL),
    sum(iif(state = 'completed', seconds, NULL))
FROM spend WHERE at_ms >= ?1 AND at_ms < ?2 GROUP BY 1 ORDER BY 1;
