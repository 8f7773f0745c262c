-- note --
SELECT value FROM meta WHERE key = ?;

-- keep_note --
UPDATE meta SET value = ?2 WHERE key = ?1;

-- next_version --
UPDATE meta SET value = value + 1 WHERE key = 'version' RETURNING value;

-- insert_account --
INSERT INTO account (kind, id, alias, user_id, team_id, deleted, version, doc)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- update_account --
UPDATE account SET alias = ?3, user_id = ?4, team_id = ?5, deleted = ?6, version = ?7, doc = ?8
WHERE kind = ?1 AND id = ?2 AND version = ?9;

-- put_token --
INSERT INTO token (hash, owner, shown, created_us, until_us, version) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (hash) DO UPDATE SET until_us = excluded.until_us, version = excluded.version;

-- insert_audit --
INSERT INTO audit (at_us, actor, action, kind, object_id, before, after)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- account --
SELECT version, doc FROM account WHERE kind = ? AND id = ?;

-- account_by_alias --
SELECT version, doc FROM account WHERE kind = ? AND alias = ? AND NOT deleted;

-- accounts --
SELECT version, doc FROM account
WHERE kind = ?1 AND NOT deleted
  AND (?2 IS NULL OR user_id = ?2) AND (?3 IS NULL OR team_id = ?3)
  AND (?4 IS NULL OR alias = ?4)
ORDER BY json_extract(doc, '$.created_at') DESC, id LIMIT ?5 OFFSET ?6;

-- count_accounts --
SELECT count(*) FROM account
WHERE kind = ?1 AND NOT deleted
  AND (?2 IS NULL OR user_id = ?2) AND (?3 IS NULL OR team_id = ?3)
  AND (?4 IS NULL OR alias = ?4);

-- owner_of --
SELECT owner FROM token WHERE hash = ?;

-- tokens_of --
SELECT hash, owner, shown, created_us, until_us FROM token WHERE owner = ?
ORDER BY until_us IS NULL, created_us, hash;

-- changed_accounts --
SELECT version, doc FROM account WHERE version > ? ORDER BY version;

-- changed_tokens --
SELECT hash, owner, shown, created_us, until_us FROM token WHERE version > ? ORDER BY version;

-- audit --
SELECT seq, at_us, actor, action, kind, object_id, before, after FROM audit
WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR object_id = ?2)
  AND (?3 IS NULL OR at_us >= ?3)
ORDER BY seq DESC LIMIT ?4 OFFSET ?5;

-- count_audit --
SELECT count(*) FROM audit
WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR object_id = ?2)
  AND (?3 IS NULL OR at_us >= ?3);
