-- Schema 2 of the ledger.
--
-- A job's `seq` is made from its id (42 bits of milliseconds, 21 random bits), so jobs lie on disk in
-- the order of their creation and are found by id, and paged by time, without an index of their own.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE job (
    seq             INTEGER PRIMARY KEY,
    provider        TEXT    NOT NULL,
    provider_job_id TEXT,
    state           TEXT    NOT NULL,
    model           TEXT,
    owner           INTEGER NOT NULL,   -- process.id of the one that wrote the intent
    version         INTEGER NOT NULL,   -- compare and swap
    prompt_hash     TEXT,               -- keyed; finds a create whose answer never came
    events          TEXT    NOT NULL DEFAULT '',   -- ",seq,seq": an index on event costs more
    doc             TEXT    NOT NULL    -- the whole job as JSON
) STRICT;

CREATE UNIQUE INDEX job_by_provider ON job (provider, provider_job_id)
    WHERE provider_job_id IS NOT NULL;
CREATE INDEX job_unknown ON job (provider, prompt_hash) WHERE state = 'unknown';

-- The outbox: one row for each event, in the order of commit. The newest row is never deleted: its
-- place would be given away again, and the cursors of exporters are behind it already.
CREATE TABLE event (
    seq     INTEGER PRIMARY KEY,
    id      TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    at_us   INTEGER NOT NULL,
    route   TEXT    NOT NULL,           -- the exporters it is for, separated by commas
    job     TEXT    NOT NULL,           -- the job as it then stood
    spans   TEXT,
    detail  TEXT
) STRICT;

-- The money: entry 0 is the one settlement (or release) of a job, later ones adjust it.
CREATE TABLE spend (
    job_seq       INTEGER NOT NULL,
    entry         INTEGER NOT NULL,
    at_us         INTEGER NOT NULL,
    provider      TEXT    NOT NULL,
    model         TEXT,
    user          TEXT,
    status        TEXT    NOT NULL,
    usd_nano      INTEGER,              -- NULL: the price is unknown
    possible_nano INTEGER,
    seconds       REAL,
    PRIMARY KEY (job_seq, entry)
) STRICT, WITHOUT ROWID;

-- How far each exporter has come, who works for it now, and how that goes.
CREATE TABLE relay (
    exporter        TEXT PRIMARY KEY,
    cursor          INTEGER NOT NULL,
    owner           TEXT,
    leased_until_us INTEGER NOT NULL DEFAULT 0,
    delivered       INTEGER NOT NULL DEFAULT 0,   -- events
    retried         INTEGER NOT NULL DEFAULT 0,   -- batches that were not taken
    failures        INTEGER NOT NULL DEFAULT 0,   -- in a row
    retry_at_us     INTEGER,                      -- nobody tries before
    error           TEXT,                         -- the last one, scrubbed
    failed_us       INTEGER,                      -- when that was
    delivered_us    INTEGER,                      -- when something last arrived
    disabled        TEXT                          -- why it is switched off
) STRICT, WITHOUT ROWID;

-- Events that somebody asked to deliver once more, beside the cursor.
CREATE TABLE replay (
    exporter TEXT    NOT NULL,
    seq      INTEGER NOT NULL,                    -- of the event
    asked_us INTEGER NOT NULL,
    PRIMARY KEY (exporter, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX replay_by_event ON replay (seq);
CREATE INDEX replay_by_time ON replay (asked_us);

-- What exporters never had, because the outbox was too large or too old.
CREATE TABLE dropped (
    exporter TEXT    NOT NULL,
    reason   TEXT    NOT NULL,                    -- see core.reports.DropReason
    events   INTEGER NOT NULL,
    PRIMARY KEY (exporter, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letter (
    exporter TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    at_us    INTEGER NOT NULL,
    error    TEXT    NOT NULL,
    PRIMARY KEY (exporter, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX dead_letter_by_event ON dead_letter (seq);
CREATE INDEX dead_letter_by_time ON dead_letter (at_us);

-- Who writes here, so that the creates of a dead process are found.
CREATE TABLE process (
    id        INTEGER PRIMARY KEY,
    host      TEXT    NOT NULL,
    pid       INTEGER NOT NULL,
    started   TEXT    NOT NULL,         -- what the system says of its start; tells a reused pid
    first_seq INTEGER NOT NULL,         -- its jobs lie behind this one
    seen_us   INTEGER NOT NULL
) STRICT;
