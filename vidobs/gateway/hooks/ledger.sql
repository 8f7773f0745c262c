-- window --
-- Where the next events end; those between that nobody waits for are never read.
SELECT max(seq), count(*) FROM (SELECT seq FROM event WHERE seq > ? ORDER BY seq LIMIT ?);

-- ended --
SELECT seq, route, id, name, at_us, job, spans, detail
FROM event
WHERE seq > ? AND seq <= ? AND name IN ('video.completed', 'video.failed', 'video.expired')
ORDER BY seq;
