-- events --
-- How far the next events go and how many they are, and the place and the job of each: nearly every
-- document begins with the id.
SELECT max(seq), count(*), CAST('[' || group_concat(
    '[' || seq || ',' || json_quote(
        iif(substr(job, 1, 11) = '{"job_id":"', substr(job, 12, 36), job ->> '$.job_id')
    ) || ']', ','
) || ']' AS BLOB)
FROM (SELECT seq, job FROM event WHERE seq > ? ORDER BY seq LIMIT ?);

-- jobs_at --
-- Some jobs as they are now, as one array.
SELECT CAST('[' || coalesce(group_concat(doc, ','), '') || ']' AS BLOB)
FROM job WHERE seq IN (SELECT value FROM json_each(?));

-- event_job --
SELECT job FROM event WHERE seq = ?;

-- adjusted --
-- Jobs made since a place whose cost was corrected since a time: that need not cause an event.
SELECT DISTINCT job.doc FROM spend JOIN job ON job.seq = spend.job_seq
WHERE spend.job_seq >= ? AND spend.entry > 0 AND spend.at_us >= ?;
