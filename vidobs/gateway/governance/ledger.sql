-- events --
-- The next events, and whose they are where the gateway may have made the job.
SELECT seq, iif(instr(job, '"tags":') AND instr(job, '"key":"'), json_extract(job, '$.job_id'), NULL)
FROM event WHERE seq > ? ORDER BY seq LIMIT ?;

-- event_job --
SELECT job FROM event WHERE seq = ?;

-- adjusted --
-- Jobs made since a place whose cost was corrected since a time: that need not cause an event.
SELECT DISTINCT job.doc FROM spend JOIN job ON job.seq = spend.job_seq
WHERE spend.job_seq >= ? AND spend.entry > 0 AND spend.at_us >= ?;
