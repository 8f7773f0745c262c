-- The first answers to keyed creates. `scope` is a hash of who asked for what with which key;
-- without a status the answer is not known yet. Times are microseconds since 1970.
CREATE TABLE answer (
    scope BLOB PRIMARY KEY,
    request_hash TEXT NOT NULL,
    job_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER,
    headers BLOB,
    body BLOB
) WITHOUT ROWID;

CREATE INDEX answer_at ON answer (at);
