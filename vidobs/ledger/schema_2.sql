-- From schema 1 to 2: what every process knows of each exporter, events asked for once more, and what
-- was dropped.

ALTER TABLE relay ADD COLUMN delivered INTEGER NOT NULL DEFAULT 0;   -- events
ALTER TABLE relay ADD COLUMN retried INTEGER NOT NULL DEFAULT 0;     -- batches that were not taken
ALTER TABLE relay ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;    -- in a row
ALTER TABLE relay ADD COLUMN retry_at_us INTEGER;                    -- nobody tries before
ALTER TABLE relay ADD COLUMN error TEXT;                             -- the last one, scrubbed
ALTER TABLE relay ADD COLUMN failed_us INTEGER;                      -- when that was
ALTER TABLE relay ADD COLUMN delivered_us INTEGER;                   -- when something last arrived
ALTER TABLE relay ADD COLUMN disabled TEXT;                          -- why it is switched off

CREATE TABLE replay (
    exporter TEXT    NOT NULL,
    seq      INTEGER NOT NULL,          -- of the event
    asked_us INTEGER NOT NULL,
    PRIMARY KEY (exporter, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX replay_by_event ON replay (seq);
CREATE INDEX replay_by_time ON replay (asked_us);
CREATE INDEX dead_letter_by_event ON dead_letter (seq);
CREATE INDEX dead_letter_by_time ON dead_letter (at_us);

CREATE TABLE dropped (
    exporter TEXT    NOT NULL,
    reason   TEXT    NOT NULL,          -- see core.reports.DropReason
    events   INTEGER NOT NULL,
    PRIMARY KEY (exporter, reason)
) STRICT, WITHOUT ROWID;
