-- What people were told, so that a restart does not tell it again.
CREATE TABLE told (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    doc BLOB NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
