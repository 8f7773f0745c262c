-- load --
SELECT doc FROM told;
-- keep --
INSERT INTO told (kind, key, doc) VALUES (?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET doc = excluded.doc;
-- forget --
DELETE FROM told WHERE kind = ? AND key = ?;
