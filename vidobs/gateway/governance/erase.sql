-- jobs_among --
SELECT job_id FROM spend
WHERE user_id = ?1 AND at_ms < ?2 AND job_id IN (SELECT value FROM json_each(?3));

-- count_jobs --
SELECT count(*) FROM spend WHERE user_id = ?1 AND at_ms < ?2;

-- forget_user --
-- A few at a time, so that nobody waits for long. What it cost stays, and whose key it was.
UPDATE spend SET user_id = NULL WHERE job_id IN (
    SELECT job_id FROM spend WHERE user_id = ?1 AND at_ms < ?2 LIMIT 500
);

-- keys_of_user --
SELECT version, doc FROM account
WHERE kind = 'key' AND user_id = ?1 ORDER BY id;

-- count_account --
SELECT count(*) FROM account WHERE kind = 'user' AND id = ?1;

-- drop_account --
DELETE FROM account WHERE kind = 'user' AND id = ?1;

-- count_told --
SELECT count(*) FROM told WHERE kind = 'user' AND id = ?1 AND start_ms < ?2;

-- drop_told --
DELETE FROM told WHERE kind = 'user' AND id = ?1 AND start_ms < ?2;

-- lines_of_user --
-- What the person did, what was done to the person's account, and what names the person otherwise.
SELECT seq, at_us, actor, action, kind, object_id, before, after FROM audit
WHERE at_us < ?2 AND (
    actor = ?1 OR (kind = 'user' AND object_id = ?1)
    OR json_extract(before, '$.user_id') = ?1 OR json_extract(after, '$.user_id') = ?1
) ORDER BY seq;

-- rewrite_line --
UPDATE audit SET actor = ?2, object_id = ?3, before = ?4, after = ?5 WHERE seq = ?1;
