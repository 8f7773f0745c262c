-- events --
-- How far the next events go, and the job of each as it then stood, as one array.
SELECT max(seq), CAST('[' || group_concat(job, ',') || ']' AS BLOB)
FROM (SELECT seq, job FROM event WHERE seq > ? ORDER BY seq LIMIT ?);

-- jobs_at --
-- Some jobs as they are now, as one array.
SELECT CAST('[' || coalesce(group_concat(doc, ','), '') || ']' AS BLOB)
FROM job WHERE seq IN (SELECT value FROM json_each(?));

-- adjusted --
-- Jobs made since a place whose cost was corrected since a time: that need not cause an event.
SELECT DISTINCT job.doc FROM spend JOIN job ON job.seq = spend.job_seq
WHERE spend.job_seq >= ? AND spend.entry > 0 AND spend.at_us >= ?;
