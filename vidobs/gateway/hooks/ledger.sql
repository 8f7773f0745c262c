-- ended --
-- The next ends; the events between them that nobody waits for are never read.
SELECT seq, route, id, name, at_us, job, spans, detail
FROM event
WHERE seq > ? AND seq <= ? AND name IN ('video.completed', 'video.failed', 'video.expired')
ORDER BY seq LIMIT ?;
