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
