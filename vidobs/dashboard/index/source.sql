-- What the index reads of the ledger.

-- events --
SELECT seq, name, at_us, CAST(job AS BLOB) FROM event WHERE seq > ? ORDER BY seq LIMIT ?;

-- newest_event --
SELECT coalesce(max(seq), 0) FROM event;

-- job_floor --
SELECT seq FROM job WHERE seq < ? ORDER BY seq DESC LIMIT 1 OFFSET ?;

-- spend_floor --
SELECT job_seq FROM spend WHERE job_seq < ? ORDER BY job_seq DESC LIMIT 1 OFFSET ?;

-- jobs_in --
SELECT seq, version, CAST(doc AS BLOB) FROM job WHERE seq >= ? AND seq < ?;

-- jobs_at --
SELECT seq, version, CAST(doc AS BLOB) FROM job WHERE seq IN (SELECT value FROM json_each(?));

-- docs_at --
SELECT seq, CAST(doc AS BLOB) FROM job WHERE seq IN (SELECT value FROM json_each(?));

-- jobs_near --
SELECT seq, version, CAST(doc AS BLOB) FROM job WHERE seq >= ? AND seq < ?;

-- spend_in --
SELECT job_seq, at_us, provider, model, user, usd_nano, possible_nano, seconds, status = 'released'
FROM spend WHERE job_seq >= ? AND job_seq < ? ORDER BY job_seq, entry;

-- spend_at --
SELECT job_seq, at_us, provider, model, user, usd_nano, possible_nano, seconds, status = 'released'
FROM spend WHERE job_seq IN (SELECT value FROM json_each(?)) ORDER BY job_seq, entry;

-- versions_in --
SELECT seq, version FROM job WHERE seq >= ? AND seq < ?;

-- orphans_in --
-- Jobs that are gone, and whose money is not.
SELECT DISTINCT job_seq FROM spend
WHERE job_seq >= ?1 AND job_seq < ?2 AND NOT EXISTS (SELECT 1 FROM job WHERE seq = job_seq);

-- intents --
-- Creates that wait for their answer, of which no event tells.
SELECT seq FROM job WHERE seq > ? AND state = 'submitting';

-- count_accepted --
-- Nearly all jobs, counted over an index: their documents fill the table.
SELECT count(*) FROM job WHERE provider_job_id IS NOT NULL;
