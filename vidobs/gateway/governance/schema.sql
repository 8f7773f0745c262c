-- Schema 1 of the gateway's own file: keys, users and teams, and a projection of the ledger.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (key, value) VALUES ('version', 0), ('cursor', 0), ('ledger', ''), ('read_us', 0);

-- Virtual keys, users and teams. A deleted one stays: its spend still has a name.
CREATE TABLE account (
    kind    TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    alias   TEXT,
    user_id TEXT,
    team_id TEXT,
    deleted INTEGER NOT NULL,
    version INTEGER NOT NULL,           -- of the change that wrote it: compare and swap
    doc     TEXT    NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX account_alias ON account (kind, alias) WHERE alias IS NOT NULL AND NOT deleted;
CREATE INDEX account_version ON account (version);

-- What opens a key: the hash of a text that nobody keeps. After a rotation there are two for a while.
CREATE TABLE token (
    hash       BLOB    PRIMARY KEY,
    owner      TEXT    NOT NULL,
    shown      TEXT    NOT NULL,
    created_us INTEGER NOT NULL,
    until_us   INTEGER,                 -- opens nothing from then on
    version    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX token_owner ON token (owner);
CREATE INDEX token_version ON token (version);

CREATE TABLE audit (
    seq       INTEGER PRIMARY KEY,
    at_us     INTEGER NOT NULL,
    actor     TEXT    NOT NULL,
    action    TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    object_id TEXT    NOT NULL,
    before    TEXT,
    after     TEXT
) STRICT;

CREATE INDEX audit_object ON audit (kind, object_id);

-- The gateway's jobs, as the ledger has them up to the cursor. `at_ms` is when a job was made, from its
-- id: that decides which window of a budget it belongs to.
CREATE TABLE spend (
    job_id         TEXT    PRIMARY KEY,
    at_ms          INTEGER NOT NULL,
    owner          TEXT    NOT NULL,
    user_id        TEXT,
    team_id        TEXT,
    model          TEXT    NOT NULL,
    provider       TEXT    NOT NULL,
    upstream_model TEXT,
    operation      TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    cost_status    TEXT    NOT NULL,
    quoted_nano    INTEGER,
    usd_nano       INTEGER,             -- NULL: not settled yet, or at a price that nobody knows
    possible_nano  INTEGER,
    counted_nano   INTEGER NOT NULL,    -- against budgets; 0 until the job has ended
    finished_us    INTEGER,
    seconds        REAL
) STRICT, WITHOUT ROWID;

CREATE INDEX spend_gateway ON spend (at_ms, counted_nano);
CREATE INDEX spend_key ON spend (owner, at_ms, counted_nano);
CREATE INDEX spend_user ON spend (user_id, at_ms, counted_nano) WHERE user_id IS NOT NULL;
CREATE INDEX spend_team ON spend (team_id, at_ms, counted_nano) WHERE team_id IS NOT NULL;
CREATE INDEX spend_open ON spend (state) WHERE finished_us IS NULL;

-- Soft budgets that somebody was told of, once for each window.
CREATE TABLE told (
    kind     TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    start_ms INTEGER NOT NULL,
    what     TEXT    NOT NULL,
    PRIMARY KEY (kind, id, start_ms, what)
) STRICT, WITHOUT ROWID;
