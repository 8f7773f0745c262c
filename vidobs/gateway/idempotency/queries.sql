-- find --
SELECT request_hash, job_id, status, headers, body FROM answer WHERE scope = ? AND at > ?;

-- claim --
INSERT OR REPLACE INTO answer (scope, request_hash, job_id, at) VALUES (?, ?, ?, ?);

-- finish --
UPDATE answer SET status = ?, headers = ?, body = ? WHERE scope = ?;

-- drop --
DELETE FROM answer WHERE scope = ?;

-- sweep --
DELETE FROM answer WHERE at <= ?;

-- jobs --
SELECT job_id FROM answer WHERE request_hash <> '';

-- count_before --
SELECT count(*) FROM answer WHERE request_hash <> '' AND at < ?;

-- blank_jobs --
-- What was asked and answered goes. That something was made with the key stays, so that it is not made twice.
UPDATE answer SET request_hash = '', status = NULL, headers = NULL, body = NULL
WHERE job_id IN (SELECT value FROM json_each(?));

-- blank_before --
UPDATE answer SET request_hash = '', status = NULL, headers = NULL, body = NULL WHERE at < ?;
