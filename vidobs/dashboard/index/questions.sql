-- What pages ask. Periods come as JSON: [[grain, first, end], ...], see `periods.spans`.

-- look --
-- Jobs that come from somewhere, in order; {from} has the most that are looked at.
SELECT seq, state, provider, model, usd FROM ({from}) AS job WHERE {where} LIMIT ?;

-- from_all --
SELECT * FROM job WHERE seq > ? AND seq < ? ORDER BY seq {order} LIMIT ?

-- from_column --
SELECT * FROM job WHERE {column} = ? AND seq > ? AND seq < ? ORDER BY seq {order} LIMIT ?

-- from_flag --
SELECT * FROM job WHERE {flag} AND seq > ? AND seq < ? ORDER BY seq {order} LIMIT ?

-- from_tag --
SELECT job.* FROM tag CROSS JOIN job ON job.seq = tag.seq
WHERE tag.tag = ? AND tag.seq > ? AND tag.seq < ? ORDER BY tag.seq {order} LIMIT ?

-- from_text --
SELECT job.* FROM prompt CROSS JOIN job ON job.seq = prompt.rowid
WHERE prompt MATCH ? AND prompt.rowid > ? AND prompt.rowid < ? ORDER BY prompt.rowid {order} LIMIT ?

-- from_expiring --
SELECT * FROM job
WHERE flags & 8 AND expires_us > ? AND expires_us <= ? AND (flags & 4 OR expiring_us <= ?)
  AND +seq > ? AND +seq < ? ORDER BY +seq {order} LIMIT ?

-- last_of --
-- Where a look at so many jobs ended.
SELECT seq FROM ({from}) LIMIT 1 OFFSET ?;

-- in_column --
{column} IN (SELECT value FROM json_each(?))

-- in_tags --
EXISTS (
    SELECT 1 FROM json_each(?) AS wanted
    JOIN tag ON tag.tag = wanted.value AND tag.seq = job.seq
)

-- moderated --
reason IN ('moderation_input', 'moderation_output')

-- not_moderated --
(reason IS NULL OR reason NOT IN ('moderation_input', 'moderation_output'))

-- min_usd --
usd >= ?

-- running --
SELECT seq, state, provider, model, usd FROM job WHERE flags & 1 ORDER BY seq DESC LIMIT ?;

-- count_running --
SELECT count(*) FROM (SELECT 1 FROM job WHERE flags & 1 LIMIT ?);

-- stuck --
-- What was called stuck, or runs for longer than anything does.
SELECT seq FROM job WHERE flags & 1 AND (flags & 2 OR seq < ?) ORDER BY seq LIMIT ?;

-- expiring --
SELECT seq FROM job
WHERE flags & 8 AND expires_us > ?1 AND expires_us <= ?2 AND (flags & 4 OR expiring_us <= ?1)
ORDER BY expires_us LIMIT ?3;

-- unknown --
SELECT seq FROM job WHERE state = 'unknown' ORDER BY seq DESC LIMIT ?;

-- totals --
SELECT outcome, sum(jobs), sum(settled), sum(usd), sum(possible), sum(unpriced), sum(video_us),
    sum(asked_us), sum(compared), sum(quoted), sum(billed), sum(priced_us)
FROM json_each(?1) AS span CROSS JOIN sums
    ON grain = span.value ->> 0 AND start >= span.value ->> 1 AND start < span.value ->> 2
WHERE (?2 IS NULL OR provider = ?2) AND (?3 IS NULL OR model = ?3)
    AND (?4 IS NULL OR outcome = ?4)
GROUP BY outcome;

-- series --
SELECT start, {key}, sum(jobs), sum(settled), sum(usd), sum(possible), sum(video_us)
FROM sums WHERE grain = ? AND start >= ? AND start < ?
GROUP BY 1, 2 ORDER BY 1, 2;

-- shares --
SELECT start, key, 0, settled, usd, possible, video_us FROM shares
WHERE kind = ? AND grain = 1 AND start >= ? AND start < ?
    AND key IN (SELECT value FROM json_each(?))
ORDER BY 1, 2;

-- last_start --
SELECT max(start) FROM sums WHERE grain = ? AND start < ?;

-- spend_sums --
SELECT {key}, sum(settled), sum(usd), sum(possible), sum(unpriced), sum(video_us)
FROM json_each(?) AS span CROSS JOIN sums
    ON grain = span.value ->> 0 AND start >= span.value ->> 1 AND start < span.value ->> 2
GROUP BY 1 HAVING sum(settled) OR sum(usd) OR sum(possible) OR sum(video_us)
ORDER BY 3 DESC, 1 LIMIT ?;

-- spend_days --
SELECT start, sum(settled), sum(usd), sum(possible), sum(unpriced), sum(video_us)
FROM sums WHERE grain = 1 AND start >= ? AND start < ?
GROUP BY 1 HAVING sum(settled) OR sum(usd) OR sum(possible) OR sum(video_us)
ORDER BY 1 DESC LIMIT ?;

-- spend_shares --
SELECT shares.key, sum(settled), sum(usd), sum(possible), sum(unpriced), sum(video_us)
FROM json_each(?) AS span CROSS JOIN shares
    ON kind = ? AND grain = span.value ->> 0
    AND start >= span.value ->> 1 AND start < span.value ->> 2
GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT ?;

-- spend_total --
SELECT sum(usd), sum(possible)
FROM json_each(?) AS span CROSS JOIN sums
    ON grain = span.value ->> 0 AND start >= span.value ->> 1 AND start < span.value ->> 2;

-- phases --
SELECT model, phase, bucket, sum(jobs)
FROM json_each(?) AS span CROSS JOIN phase
    ON grain = span.value ->> 0 AND start >= span.value ->> 1 AND start < span.value ->> 2
GROUP BY 1, 2, 3;

-- failures --
SELECT failed.fingerprint, sum(failed.jobs), sum(failed.usd), sum(failed.possible),
    count(*) OVER (), sum(sum(failed.jobs)) OVER ()
FROM json_each(?) AS span CROSS JOIN failed
    ON grain = span.value ->> 0 AND start >= span.value ->> 1 AND start < span.value ->> 2
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?;

-- failure_sum --
SELECT sum(jobs), sum(usd), sum(possible)
FROM json_each(?) AS span CROSS JOIN failed
    ON fingerprint = ? AND grain = span.value ->> 0
    AND start >= span.value ->> 1 AND start < span.value ->> 2;

-- failure --
SELECT provider, model, reason, code, message,
    (SELECT min(seq) FROM job WHERE failure = ?1), (SELECT max(seq) FROM job WHERE failure = ?1)
FROM failure WHERE fingerprint = ?1;

-- failure_examples --
SELECT seq FROM job WHERE failure = ? AND seq >= ? AND seq < ? ORDER BY seq DESC LIMIT ?;

-- failure_trend --
SELECT start, jobs, usd FROM failed
WHERE fingerprint = ? AND grain = ? AND start >= ? AND start < ? ORDER BY start;

-- choices_sums --
SELECT {key}, sum(jobs) FROM sums WHERE grain = 2 AND {key} <> '' GROUP BY 1
HAVING sum(jobs) > 0 ORDER BY 2 DESC, 1 LIMIT ?;

-- choices_shares --
SELECT key, sum(settled) FROM shares WHERE kind = ? AND grain = 2 AND key <> '' GROUP BY 1
HAVING sum(settled) > 0 ORDER BY 2 DESC, 1 LIMIT ?;

-- choices_reasons --
SELECT reason, count(*) FROM job WHERE reason IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1;

-- any_prompt --
SELECT EXISTS (SELECT 1 FROM prompt);
