-- Endpoints of clients, and what is on its way to them.
CREATE TABLE endpoint (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    doc BLOB NOT NULL,
    secrets BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX endpoint_of_owner ON endpoint (owner, id);
CREATE TABLE delivery (
    endpoint_id TEXT NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    event_id TEXT NOT NULL,
    body BLOB NOT NULL,
    created_us INTEGER NOT NULL,
    due_us INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    PRIMARY KEY (endpoint_id, event_id)
) WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery (due_us);
-- How far the ledger was read: its identity, and the place of the last event.
CREATE TABLE progress (ledger TEXT PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID;
