-- note --
SELECT value FROM meta WHERE key = ?;

-- keep_note --
INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2;

-- kept_jobs --
SELECT seq, facts FROM job WHERE seq IN (SELECT value FROM json_each(?));

-- kept_gone --
SELECT seq, facts FROM gone WHERE seq IN (SELECT value FROM json_each(?));

-- kept_versions --
SELECT seq, version FROM job WHERE seq >= ? AND seq < ?;

-- kept_remains --
SELECT seq FROM gone WHERE seq >= ? AND seq < ?;

-- count_kept --
SELECT count(*) FROM job;

-- newest_kept --
SELECT coalesce(max(seq), 0) FROM job;

-- put_job --
INSERT OR REPLACE INTO job
    (seq, version, state, provider, model, user, reason, failure, flags, usd, expiring_us,
     expires_us, facts)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- drop_job --
DELETE FROM job WHERE seq = ?;

-- put_gone --
INSERT OR REPLACE INTO gone (seq, facts) VALUES (?, ?);

-- drop_gone --
DELETE FROM gone WHERE seq = ?;

-- put_tag --
INSERT OR IGNORE INTO tag (tag, seq) VALUES (?, ?);

-- drop_tag --
DELETE FROM tag WHERE tag = ? AND seq = ?;

-- put_prompt --
INSERT INTO prompt (rowid, text) VALUES (?, ?);

-- drop_prompt --
DELETE FROM prompt WHERE rowid = ?;

-- rewrite_prompts --
-- Words of deleted prompts stay in the index until its parts are merged.
INSERT INTO prompt (prompt) VALUES ('optimize');

-- add_sums --
INSERT INTO sums
    (grain, start, provider, model, outcome, jobs, settled, usd, possible, unpriced, video_us,
     asked_us, compared, quoted, billed, priced_us)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (grain, start, provider, model, outcome) DO UPDATE SET
    jobs = jobs + excluded.jobs, settled = settled + excluded.settled, usd = usd + excluded.usd,
    possible = possible + excluded.possible, unpriced = unpriced + excluded.unpriced,
    video_us = video_us + excluded.video_us, asked_us = asked_us + excluded.asked_us,
    compared = compared + excluded.compared, quoted = quoted + excluded.quoted,
    billed = billed + excluded.billed, priced_us = priced_us + excluded.priced_us;

-- clear_sums --
DELETE FROM sums
WHERE grain = ? AND start = ? AND provider = ? AND model = ? AND outcome = ?
  AND jobs = 0 AND settled = 0 AND usd = 0 AND possible = 0 AND unpriced = 0 AND video_us = 0
  AND asked_us = 0 AND compared = 0 AND quoted = 0 AND billed = 0 AND priced_us = 0;

-- add_shares --
INSERT INTO shares (kind, grain, start, key, settled, usd, possible, unpriced, video_us)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (kind, grain, start, key) DO UPDATE SET
    settled = settled + excluded.settled, usd = usd + excluded.usd,
    possible = possible + excluded.possible, unpriced = unpriced + excluded.unpriced,
    video_us = video_us + excluded.video_us;

-- clear_shares --
-- A name that nobody has any more must not stay.
DELETE FROM shares
WHERE kind = ? AND grain = ? AND start = ? AND key = ?
  AND settled = 0 AND usd = 0 AND possible = 0 AND unpriced = 0 AND video_us = 0;

-- add_phases --
INSERT INTO phase (grain, start, model, phase, bucket, jobs) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (grain, start, model, phase, bucket) DO UPDATE SET jobs = jobs + excluded.jobs;

-- clear_phases --
DELETE FROM phase
WHERE grain = ? AND start = ? AND model = ? AND phase = ? AND bucket = ? AND jobs = 0;

-- add_failed --
INSERT INTO failed (grain, start, fingerprint, jobs, usd, possible) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (grain, start, fingerprint) DO UPDATE SET
    jobs = jobs + excluded.jobs, usd = usd + excluded.usd, possible = possible + excluded.possible;

-- clear_failed --
DELETE FROM failed
WHERE grain = ? AND start = ? AND fingerprint = ? AND jobs = 0 AND usd = 0 AND possible = 0;

-- add_group --
INSERT INTO failure (fingerprint, provider, model, reason, code, message, jobs)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (fingerprint) DO UPDATE SET jobs = jobs + excluded.jobs;

-- clear_group --
DELETE FROM failure WHERE fingerprint = ? AND jobs = 0;

-- add_counter --
INSERT INTO counter (instrument, attributes, value, count, counts) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (instrument, attributes) DO UPDATE SET
    value = value + ?3, count = count + ?4, counts = (
        SELECT json_group_array(mine.value + more.value)
        FROM json_each(counts) AS mine JOIN json_each(?5) AS more ON more.key = mine.key
    );

-- counters --
SELECT instrument, attributes, value, count, counts FROM counter ORDER BY 1, 2;
