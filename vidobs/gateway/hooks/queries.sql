-- add_endpoint --
INSERT INTO endpoint (id, owner, doc, secrets) VALUES (?, ?, ?, ?);
-- change_endpoint --
UPDATE endpoint SET doc = ?, secrets = ? WHERE id = ?;
-- endpoint --
SELECT doc, secrets FROM endpoint WHERE id = ?;
-- endpoints_of --
SELECT doc, secrets FROM endpoint WHERE owner = ? ORDER BY id;
-- drop_endpoint --
DELETE FROM endpoint WHERE id = ? AND owner = ?;
-- add_delivery --
INSERT OR IGNORE INTO delivery (endpoint_id, event_id, body, created_us, due_us)
VALUES (?, ?, ?, ?, ?);
-- due --
-- A few of each endpoint, so that one that hangs does not keep the others waiting.
SELECT endpoint_id, event_id, body, created_us, due_us, attempts, last_error
FROM (
    SELECT *, row_number() OVER (PARTITION BY endpoint_id ORDER BY due_us) AS turn
    FROM delivery WHERE due_us <= ?
) WHERE turn <= 4 ORDER BY turn, due_us LIMIT ?;
-- next_due --
SELECT min(due_us) FROM delivery;
-- waiting --
SELECT count(*) FROM delivery WHERE endpoint_id = ?;
-- delivered --
DELETE FROM delivery WHERE endpoint_id = ? AND event_id = ?;
-- postpone --
UPDATE delivery SET due_us = ?, attempts = ?, last_error = ?
WHERE endpoint_id = ? AND event_id = ?;
-- drop_deliveries --
DELETE FROM delivery WHERE endpoint_id = ?;
-- place --
SELECT place FROM progress WHERE ledger = ?;
-- keep_place --
INSERT INTO progress (ledger, place) VALUES (?, ?)
ON CONFLICT (ledger) DO UPDATE SET place = excluded.place;
-- count_of_owners --
SELECT count(*) FROM endpoint WHERE owner IN (SELECT value FROM json_each(?));
-- drop_of_owners --
DELETE FROM endpoint WHERE owner IN (SELECT value FROM json_each(?));
