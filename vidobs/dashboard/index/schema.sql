-- Schema 2 of the dashboard's cache: a projection of one ledger, made anew whenever in doubt.
--
-- Texts that a key may lack are '' in keys. Amounts are billionths of a dollar, video is in
-- microseconds. Hours and days are numbered from 1970, months from the year 0; see `periods`.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- The jobs of the ledger, by their places there.
CREATE TABLE job (
    seq         INTEGER PRIMARY KEY,
    version     INTEGER NOT NULL,   -- of the ledger's row
    state       TEXT    NOT NULL,
    provider    TEXT    NOT NULL,
    model       TEXT,
    user        TEXT,
    reason      TEXT,
    failure     TEXT,               -- fingerprint
    flags       INTEGER NOT NULL,   -- see `facts.Bit`
    usd         INTEGER,
    expiring_us INTEGER,            -- from when on its video is soon gone
    expires_us  INTEGER,
    facts       BLOB    NOT NULL    -- what it adds to the sums, to take it out again
) STRICT;

-- What is left of jobs that were deleted from the ledger: what they add to the sums.
CREATE TABLE gone (
    seq   INTEGER PRIMARY KEY,
    facts BLOB NOT NULL
) STRICT;

CREATE TABLE tag (
    tag TEXT    NOT NULL,           -- NAME=VALUE
    seq INTEGER NOT NULL,
    PRIMARY KEY (tag, seq)
) STRICT, WITHOUT ROWID;

-- The words of prompts by the places of their jobs; not the texts.
CREATE VIRTUAL TABLE prompt USING fts5 (
    text, content = '', contentless_delete = 1, detail = none, prefix = '3'
);

-- Jobs at the time of their creation, money at the time it was booked.
CREATE TABLE sums (
    grain    INTEGER NOT NULL,      -- see `periods.Grain`
    start    INTEGER NOT NULL,
    provider TEXT    NOT NULL,
    model    TEXT    NOT NULL,
    outcome  TEXT    NOT NULL,
    jobs     INTEGER NOT NULL,
    settled  INTEGER NOT NULL,
    usd      INTEGER NOT NULL,
    possible INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    video_us INTEGER NOT NULL,
    asked_us INTEGER NOT NULL,
    compared INTEGER NOT NULL,
    quoted   INTEGER NOT NULL,
    billed   INTEGER NOT NULL,
    priced_us INTEGER NOT NULL,     -- of `video_us`: jobs whose price is known
    PRIMARY KEY (grain, start, provider, model, outcome)
) STRICT, WITHOUT ROWID;

-- The same money by user and by tag.
CREATE TABLE shares (
    kind     TEXT    NOT NULL,      -- 'user', 'tag'
    grain    INTEGER NOT NULL,
    start    INTEGER NOT NULL,
    key      TEXT    NOT NULL,
    settled  INTEGER NOT NULL,
    usd      INTEGER NOT NULL,
    possible INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    video_us INTEGER NOT NULL,
    PRIMARY KEY (kind, grain, start, key)
) STRICT, WITHOUT ROWID;

-- How long the phases of completed jobs took: how many fell into which bucket.
CREATE TABLE phase (
    grain  INTEGER NOT NULL,
    start  INTEGER NOT NULL,
    model  TEXT    NOT NULL,
    phase  TEXT    NOT NULL,
    bucket INTEGER NOT NULL,
    jobs   INTEGER NOT NULL,
    PRIMARY KEY (grain, start, model, phase, bucket)
) STRICT, WITHOUT ROWID;

-- Failures that are alike.
CREATE TABLE failure (
    fingerprint TEXT PRIMARY KEY,
    provider    TEXT NOT NULL,
    model       TEXT,
    reason      TEXT,
    code        TEXT,
    message     TEXT,
    jobs        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE failed (
    grain       INTEGER NOT NULL,
    start       INTEGER NOT NULL,
    fingerprint TEXT    NOT NULL,
    jobs        INTEGER NOT NULL,
    usd         INTEGER NOT NULL,
    possible    INTEGER NOT NULL,
    PRIMARY KEY (grain, start, fingerprint)
) STRICT, WITHOUT ROWID;

CREATE INDEX failed_by_group ON failed (fingerprint, grain, start);

-- What events added to the metrics.
CREATE TABLE counter (
    instrument TEXT    NOT NULL,
    attributes TEXT    NOT NULL,    -- JSON, in order of their names
    value      REAL    NOT NULL,
    count      INTEGER NOT NULL,
    counts     TEXT    NOT NULL,    -- JSON: by bucket
    PRIMARY KEY (instrument, attributes)
) STRICT, WITHOUT ROWID;
