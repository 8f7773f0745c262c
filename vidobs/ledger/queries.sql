-- identity --
SELECT (SELECT application_id FROM pragma_application_id),
       (SELECT user_version FROM pragma_user_version),
       (SELECT count(*) FROM sqlite_schema);

-- keep_key --
INSERT INTO meta (key, value) VALUES (?, ?);

-- key --
SELECT value FROM meta WHERE key = ?;

-- insert_job --
INSERT INTO job (seq, provider, provider_job_id, state, model, owner, version, prompt_hash, doc)
VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?);

-- update_job --
-- An insert, for that takes many rows at once. There is a row at the place already; where there is
-- none any more, it is added, and who runs this has to see that and undo it.
INSERT INTO job (provider_job_id, state, model, events, doc, seq, version, provider, owner)
VALUES (?, ?, ?, ?, ?, ?, ?, '', 0)
ON CONFLICT (seq) DO UPDATE
SET provider_job_id = excluded.provider_job_id, state = excluded.state, model = excluded.model,
    version = version + 1, events = events || excluded.events, doc = excluded.doc
WHERE version = excluded.version;

-- place_of --
SELECT doc FROM job WHERE seq = ?;

-- move_events --
UPDATE job SET events = events || (SELECT events FROM job WHERE seq = ?1) WHERE seq = ?2;

-- drop_job --
DELETE FROM job WHERE seq = ? AND version = ?;

-- drop_spend --
DELETE FROM spend WHERE job_seq = ?;

-- load_near --
SELECT seq, version, doc FROM job WHERE seq >= ? AND seq < ?;

-- load_by_provider --
SELECT seq, version, doc FROM job WHERE provider = ? AND provider_job_id = ?;

-- load_unknown --
-- Creates whose answer nobody saw, for the prompt that a poll's answer shows.
SELECT seq, version, doc FROM job
WHERE state = 'unknown' AND provider = ? AND prompt_hash = ?
ORDER BY seq LIMIT 50;

-- insert_event --
INSERT INTO event (id, name, at_us, route, job, spans, detail)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- insert_spend --
INSERT INTO spend
    (job_seq, entry, at_us, provider, model, user, status, usd_nano, possible_nano, seconds)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- spent --
SELECT count(*), sum(usd_nano), sum(possible_nano), sum(seconds) FROM spend WHERE job_seq = ?;

-- read_outbox --
SELECT event.seq, event.route, event.id, event.name, event.at_us, event.job, event.spans,
       event.detail
FROM event WHERE event.seq > ? ORDER BY event.seq LIMIT ?;

-- outbox_page --
-- The same rows as one text in JSON, and how many they are.
SELECT count(*), CAST('[' || group_concat(
    '{"seq":' || seq || ',"route":' || json_quote(route) || ',"event":{"id":' || json_quote(id)
    || ',"name":' || json_quote(name)
    || ',"at":"' || strftime('%Y-%m-%dT%H:%M:%S', at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', at_us % 1000000) || '","job":' || job
    || iif(spans IS NULL, '', ',"spans":' || spans)
    || iif(detail IS NULL, '', ',"detail":' || json_quote(detail)) || '}}', ','
) || ']' AS BLOB)
FROM (SELECT * FROM event WHERE seq > ? ORDER BY seq LIMIT ?);

-- event_at --
SELECT seq, route, id, name, at_us, job, spans, detail FROM event WHERE seq = ?;

-- raw_event --
-- What leads to a damaged event, as bytes: they need not be text any more.
SELECT CAST(route AS BLOB), CAST(id AS BLOB) FROM event WHERE seq = ?;

-- events_of --
SELECT event.seq, event.route, event.id, event.name, event.at_us, event.job, event.spans,
       event.detail
FROM event
WHERE event.seq IN (
    SELECT number.value FROM job JOIN json_each('[0' || job.events || ']') AS number
    WHERE job.seq = ?
)
ORDER BY event.seq;

-- downloads_of --
SELECT event.spans FROM event
WHERE event.name = 'video.downloaded' AND event.seq IN (
    SELECT number.value FROM job JOIN json_each('[0' || job.events || ']') AS number
    WHERE job.seq = ?
)
ORDER BY event.seq;

-- count_behind --
SELECT (
    SELECT count(*) FROM event
    WHERE seq > coalesce((SELECT cursor FROM relay WHERE exporter = ?1), 0)
      AND instr(',' || route || ',', ',' || ?1 || ',')
) + (SELECT count(*) FROM replay WHERE exporter = ?1);

-- ensure_relay --
INSERT OR IGNORE INTO relay (exporter, cursor) VALUES (?, (SELECT coalesce(max(seq), 0) FROM event));

-- standing --
SELECT owner, leased_until_us, cursor, failures, retry_at_us, disabled, failed_us
FROM relay WHERE exporter = ?;

-- take_lease --
UPDATE relay SET owner = ?2, leased_until_us = ?3
WHERE exporter = ?1 AND (owner IS NULL OR owner = ?2 OR leased_until_us < ?4);

-- take_over --
UPDATE relay SET owner = ?2, leased_until_us = ?3 WHERE exporter = ?1 AND owner = ?4;

-- drop_lease --
UPDATE relay SET owner = NULL, leased_until_us = 0 WHERE exporter = ? AND owner = ?;

-- asked_again --
SELECT event.seq, event.route, event.id, event.name, event.at_us, event.job, event.spans,
       event.detail
FROM replay JOIN event ON event.seq = replay.seq
WHERE replay.exporter = ? ORDER BY replay.seq LIMIT ?;

-- move_cursor --
-- Rows that were passed over say nothing of the receiver.
UPDATE relay SET
    cursor = ?3, delivered = delivered + ?4,
    delivered_us = iif(?4, ?5, delivered_us),
    failures = iif(?4, 0, failures), retry_at_us = iif(?4, NULL, retry_at_us)
WHERE exporter = ?1 AND owner = ?2 AND cursor <= ?3;

-- count_redelivered --
UPDATE relay SET
    delivered = delivered + ?3, delivered_us = iif(?3, ?4, delivered_us),
    failures = iif(?3, 0, failures), retry_at_us = iif(?3, NULL, retry_at_us)
WHERE exporter = ?1 AND owner = ?2;

-- forget_asked --
DELETE FROM replay WHERE exporter = ? AND seq IN (SELECT value FROM json_each(?));

-- note_failure --
UPDATE relay SET
    retried = retried + 1, error = ?3, failures = ?4, retry_at_us = ?5, failed_us = ?6
WHERE exporter = ?1 AND owner = ?2;

-- disable --
UPDATE relay SET disabled = ?3, error = ?3, failed_us = ?4 WHERE exporter = ?1 AND owner = ?2;

-- bury --
-- Nothing is buried that was dropped or purged while it was on its way.
INSERT OR REPLACE INTO dead_letter (exporter, seq, at_us, error)
SELECT ?1, seq, ?3, ?4 FROM event WHERE seq = ?2;

-- add_process --
INSERT INTO process (host, pid, started, first_seq, seen_us) VALUES (?, ?, ?, ?, ?);

-- see_process --
UPDATE process SET seen_us = ?, first_seq = ? WHERE id = ?;

-- drop_process --
DELETE FROM process WHERE id = ?;

-- processes --
SELECT id, host, pid, started, first_seq, seen_us FROM process;

-- abandoned --
SELECT seq, version, doc FROM job WHERE seq >= ? AND owner = ? AND state = 'submitting';

-- jobs --
SELECT doc FROM job
WHERE seq < ?1 AND seq >= ?2
  AND (?3 IS NULL OR state = ?3)
  AND (?4 IS NULL OR model = ?4)
ORDER BY seq DESC LIMIT ?5;

-- jobs_by_provider_id --
-- The index begins with the provider: step through the few there are, then look each up.
WITH RECURSIVE known (provider) AS (
    SELECT min(provider) FROM job WHERE provider_job_id IS NOT NULL
    UNION ALL
    SELECT (
        SELECT min(job.provider) FROM job
        WHERE job.provider_job_id IS NOT NULL AND job.provider > known.provider
    )
    FROM known WHERE known.provider IS NOT NULL
)
SELECT job.doc FROM known
JOIN job ON job.provider = known.provider AND job.provider_job_id = ?
ORDER BY job.seq LIMIT 10;

-- jobs_between --
SELECT doc FROM job
WHERE seq BETWEEN ? AND ? AND json_extract(doc, '$.job_id') GLOB ? || '*'
ORDER BY seq LIMIT 10;

-- count_jobs --
SELECT count(*) FROM job;

-- count_events --
SELECT count(*) FROM event;

-- spend_by_provider --
SELECT provider, count(DISTINCT job_seq), sum(usd_nano), sum(possible_nano),
       count(DISTINCT job_seq) - count(DISTINCT iif(usd_nano IS NULL, NULL, job_seq)), sum(seconds)
FROM spend WHERE at_us >= ? GROUP BY 1 ORDER BY 3 DESC, 1;

-- spend_by_model --
SELECT model, count(DISTINCT job_seq), sum(usd_nano), sum(possible_nano),
       count(DISTINCT job_seq) - count(DISTINCT iif(usd_nano IS NULL, NULL, job_seq)), sum(seconds)
FROM spend WHERE at_us >= ? GROUP BY 1 ORDER BY 3 DESC, 1;

-- spend_by_user --
SELECT user, count(DISTINCT job_seq), sum(usd_nano), sum(possible_nano),
       count(DISTINCT job_seq) - count(DISTINCT iif(usd_nano IS NULL, NULL, job_seq)), sum(seconds)
FROM spend WHERE at_us >= ? GROUP BY 1 ORDER BY 3 DESC, 1;

-- spend_by_day --
SELECT date(at_us / 1000000, 'unixepoch'), count(DISTINCT job_seq), sum(usd_nano),
       sum(possible_nano),
       count(DISTINCT job_seq) - count(DISTINCT iif(usd_nano IS NULL, NULL, job_seq)), sum(seconds)
FROM spend WHERE at_us >= ? GROUP BY 1 ORDER BY 1;

-- spend_by_tag --
SELECT tag.key || '=' || tag.value, count(DISTINCT spend.job_seq), sum(usd_nano),
       sum(possible_nano),
       count(DISTINCT job_seq) - count(DISTINCT iif(usd_nano IS NULL, NULL, job_seq)), sum(seconds)
FROM spend
LEFT JOIN job ON job.seq = spend.job_seq
LEFT JOIN json_each(job.doc, '$.attribution.tags') AS tag
WHERE at_us >= ? GROUP BY 1 ORDER BY 3 DESC, 1;

-- spend_total --
SELECT sum(usd_nano), sum(possible_nano) FROM spend WHERE at_us >= ?;

-- unknown_spend --
-- Creates whose outcome nobody knows: possible spend that no settlement holds yet.
SELECT doc FROM job WHERE state = 'unknown' AND seq >= ?;

-- newest_event --
SELECT coalesce(max(seq), 0) FROM event;

-- event_from --
-- The first event at or behind a place.
SELECT seq, at_us FROM event WHERE seq >= ? ORDER BY seq LIMIT 1;

-- children --
-- Jobs whose document holds some text, among those that come next after a place. Not many jobs have
-- children, so that an index would cost every write more than this look costs once.
SELECT near.doc FROM (SELECT doc FROM job WHERE seq > ? ORDER BY seq LIMIT ?) AS near
WHERE instr(near.doc, ?);

-- job_after --
SELECT seq FROM job WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ?;

-- count_states --
SELECT state, count(*) FROM job GROUP BY state ORDER BY 2 DESC, 1;

-- span_of_jobs --
SELECT min(seq), max(seq) FROM job;

-- count_spend --
SELECT count(*) FROM spend;

-- exporters --
-- The route is compared with commas around it, so that no name is found in a longer one. No more
-- events are looked at behind a cursor than the one number says; below 0 there is no end.
SELECT exporter, cursor, owner, leased_until_us, delivered, retried, failures, retry_at_us, disabled,
    error, failed_us, delivered_us,
    (SELECT count(*) FROM (SELECT route FROM event WHERE seq > relay.cursor ORDER BY seq LIMIT ?1)
     WHERE instr(',' || route || ',', ',' || relay.exporter || ',')),
    (SELECT at_us
     FROM (SELECT at_us, route FROM event WHERE seq > relay.cursor ORDER BY seq LIMIT ?1)
     WHERE instr(',' || route || ',', ',' || relay.exporter || ',') LIMIT 1),
    (SELECT count(*) FROM replay WHERE replay.exporter = relay.exporter),
    (SELECT min(asked_us) FROM replay WHERE replay.exporter = relay.exporter),
    (SELECT count(*) FROM dead_letter WHERE dead_letter.exporter = relay.exporter),
    (SELECT json_group_object(reason, events) FROM dropped
     WHERE dropped.exporter = relay.exporter),
    ?1 >= 0
        AND EXISTS (SELECT 1 FROM event WHERE seq > relay.cursor ORDER BY seq LIMIT 1 OFFSET ?1)
FROM relay ORDER BY exporter;

-- torn_rows --
SELECT json_extract(doc, '$.job_id') FROM job
WHERE state IS NOT coalesce(json_extract(doc, '$.state'), 'submitting')
   OR provider IS NOT json_extract(doc, '$.provider')
   OR provider_job_id IS NOT json_extract(doc, '$.provider_job_id')
   OR model IS NOT json_extract(doc, '$.model');

-- unsettled_jobs --
SELECT json_extract(doc, '$.job_id') FROM job
WHERE state IN ('completed', 'failed', 'cancelled', 'expired')
  AND NOT EXISTS (SELECT 1 FROM spend WHERE spend.job_seq = job.seq);

-- early_spend --
SELECT json_extract(doc, '$.job_id') FROM job
WHERE state NOT IN ('completed', 'failed', 'cancelled', 'expired')
  AND EXISTS (SELECT 1 FROM spend WHERE spend.job_seq = job.seq);

-- broken_entries --
-- Entry 0 settles, 1, 2, ... adjust it.
SELECT 'place ' || job_seq FROM spend GROUP BY job_seq
HAVING min(entry) <> 0 OR max(entry) <> count(*) - 1;

-- wrong_sums --
SELECT json_extract(job.doc, '$.job_id')
FROM (SELECT job_seq, sum(usd_nano) AS nano FROM spend GROUP BY job_seq) AS spent
JOIN job ON job.seq = spent.job_seq
WHERE spent.nano IS NOT
    CAST(round(CAST(json_extract(job.doc, '$.cost.usd') AS REAL) * 1e9) AS INTEGER);

-- wrong_ends --
SELECT json_extract(job.doc, '$.job_id') FROM job
LEFT JOIN json_each('[0' || job.events || ']') AS place
LEFT JOIN event ON event.seq = place.value
    AND event.name IN ('video.completed', 'video.failed', 'video.cancelled', 'video.expired')
GROUP BY job.seq
HAVING count(event.seq) <> (job.state IN ('completed', 'failed', 'cancelled', 'expired'));

-- lost_events --
SELECT DISTINCT json_extract(job.doc, '$.job_id') FROM job
JOIN json_each('[' || substr(job.events, 2) || ']') AS place
LEFT JOIN event ON event.seq = place.value
WHERE event.seq IS NULL;

-- stray_events --
SELECT id FROM event WHERE seq NOT IN (
    SELECT place.value FROM job JOIN json_each('[' || substr(job.events, 2) || ']') AS place
);

-- early_cursors --
SELECT exporter FROM relay WHERE cursor > (SELECT coalesce(max(seq), 0) FROM event);

-- letters_of_nothing --
SELECT exporter || ' ' || seq FROM dead_letter WHERE seq NOT IN (SELECT seq FROM event);

-- unreadable_events --
SELECT 'place ' || seq FROM event
WHERE NOT json_valid(job) OR (spans IS NOT NULL AND NOT json_valid(spans));

-- asked_for_nothing --
SELECT exporter || ' ' || seq FROM replay WHERE seq NOT IN (SELECT seq FROM event);

-- rows_without_cursor --
SELECT exporter FROM replay WHERE exporter NOT IN (SELECT exporter FROM relay)
UNION
SELECT exporter FROM dropped WHERE exporter NOT IN (SELECT exporter FROM relay);

-- odd_drops --
SELECT exporter || ' ' || reason FROM dropped
WHERE events <= 0 OR reason NOT IN ('age', 'bytes', 'dead_letter');

-- old_jobs --
-- Of the next rows: whether the job ended, and nobody waits for one of its events. The newest event
-- stays: SQLite would give its place to the next one, and cursors of exporters are behind it already.
SELECT job.seq, job.version, json_extract(job.doc, '$.job_id'), job.events,
    job.state IN ('completed', 'failed', 'cancelled', 'expired') AND NOT EXISTS (
        SELECT 1 FROM json_each('[0' || job.events || ']') AS place
        JOIN event ON event.seq = place.value
        WHERE event.seq = (SELECT max(seq) FROM event)
           OR (?4 AND EXISTS (
                SELECT 1 FROM relay
                WHERE relay.cursor < event.seq
                  AND instr(',' || event.route || ',', ',' || relay.exporter || ',')
           ))
           OR (?4 AND EXISTS (SELECT 1 FROM replay WHERE replay.seq = event.seq))
    )
FROM job WHERE job.seq > ?1 AND job.seq < ?2 ORDER BY job.seq LIMIT ?3;

-- jobs_with_content --
-- Of the next rows: whether there is a prompt, what is made from it, a picture, or an error's text.
SELECT job.seq, job.version, json_extract(job.doc, '$.job_id'), job.events,
    job.prompt_hash IS NOT NULL
    OR instr(job.doc, '"prompt":')
    OR instr(job.doc, '"request_hash":')
    OR json_extract(job.doc, '$.error.message') IS NOT NULL
    OR json_extract(job.doc, '$.file.thumbnail') IS NOT NULL
    OR EXISTS (
        SELECT 1 FROM json_each('[0' || job.events || ']') AS place
        JOIN event ON event.seq = place.value
        WHERE instr(event.detail, ':') AND event.name <> 'video.mismatch'
    )
FROM job WHERE job.seq > ? AND job.seq < ? ORDER BY job.seq LIMIT ?;

-- jobs_of_user --
-- Of the next rows: whether the job is for the user.
SELECT seq, version, json_extract(doc, '$.job_id'), events,
    json_extract(doc, '$.attribution.user') IS ?4
FROM job WHERE seq > ?1 AND seq < ?2 ORDER BY seq LIMIT ?3;

-- spend_of_user --
-- Of the next entries: whether they are the user's.
SELECT job_seq, 0, '', '', user IS ?4
FROM spend WHERE job_seq > ?1 AND job_seq < ?2 ORDER BY job_seq LIMIT ?3;

-- count_ended --
SELECT count(*) FROM job
WHERE seq < ? AND state IN ('completed', 'failed', 'cancelled', 'expired');

-- forget_events --
DELETE FROM event WHERE seq IN (SELECT value FROM json_each(?));

-- forget_letters --
DELETE FROM dead_letter WHERE seq IN (SELECT value FROM json_each(?));

-- forget_replays --
DELETE FROM replay WHERE seq IN (SELECT value FROM json_each(?));

-- cursors --
SELECT exporter, cursor FROM relay;

-- events_behind --
-- The next rows of the outbox, with what each takes.
SELECT seq, at_us, name, route,
    octet_length(job) + coalesce(octet_length(spans), 0) + coalesce(octet_length(detail), 0)
FROM event WHERE seq > ? ORDER BY seq LIMIT ?;

-- weigh --
-- The next rows of the outbox: how many, how far, what those take that wait, and the first of them.
SELECT count(*), max(seq), sum(iif(waits, bytes, 0)), min(iif(waits, seq, NULL))
FROM (
    SELECT seq,
        octet_length(job) + coalesce(octet_length(spans), 0) + coalesce(octet_length(detail), 0)
        AS bytes,
        EXISTS (
            SELECT 1 FROM relay
            WHERE relay.cursor < event.seq
              AND instr(',' || event.route || ',', ',' || relay.exporter || ',')
        ) AS waits
    FROM event WHERE seq > ? ORDER BY seq LIMIT ?
);

-- wanted_events --
-- Of some places: those that somebody may still ask for by name.
SELECT value FROM json_each(?1)
WHERE EXISTS (SELECT 1 FROM replay WHERE replay.seq = value)
   OR EXISTS (SELECT 1 FROM dead_letter WHERE dead_letter.seq = value)
   OR value = (SELECT max(seq) FROM event);

-- jobs_of_events --
SELECT seq, job FROM event WHERE seq IN (SELECT value FROM json_each(?));

-- unlist_event --
-- A job is listed under the id of its events, unless two rows of one job were folded.
UPDATE job SET events = rtrim(replace(events || ',', ',' || ?1 || ',', ','), ',')
WHERE seq >= ?2 AND seq < ?3 AND instr(events || ',', ',' || ?1 || ',');

-- unlist_folded --
UPDATE job SET events = rtrim(replace(events || ',', ',' || ?1 || ',', ','), ',')
WHERE provider = ?2 AND provider_job_id = ?3 AND instr(events || ',', ',' || ?1 || ',');

-- reroute --
UPDATE event SET route = ? WHERE seq = ?;

-- count_dropped --
INSERT INTO dropped (exporter, reason, events) VALUES (?1, ?2, ?3)
ON CONFLICT (exporter, reason) DO UPDATE SET events = events + ?3;

-- old_letters --
SELECT exporter, seq FROM dead_letter WHERE at_us < ? ORDER BY at_us LIMIT ?;

-- old_replays --
SELECT exporter, seq FROM replay WHERE asked_us < ? ORDER BY asked_us LIMIT ?;

-- drop_letter --
DELETE FROM dead_letter WHERE exporter = ? AND seq = ?;

-- drop_replay --
DELETE FROM replay WHERE exporter = ? AND seq = ?;

-- letters --
SELECT dead_letter.exporter, dead_letter.at_us, dead_letter.error, dead_letter.seq
FROM dead_letter JOIN event ON event.seq = dead_letter.seq
WHERE (?1 IS NULL OR dead_letter.exporter = ?1) AND (?2 IS NULL OR event.id GLOB ?2 || '*')
ORDER BY dead_letter.at_us DESC, dead_letter.seq DESC, dead_letter.exporter LIMIT ?3;

-- places_of_letters --
SELECT exporter, seq FROM dead_letter
WHERE (?1 IS NULL OR exporter = ?1)
  AND (?2 IS NULL OR seq IN (SELECT seq FROM event WHERE id IN (SELECT value FROM json_each(?2))))
ORDER BY seq;

-- known_exporters --
SELECT exporter FROM relay UNION SELECT exporter FROM dead_letter ORDER BY 1;

-- ask_again --
INSERT OR IGNORE INTO replay (exporter, seq, asked_us) VALUES (?, ?, ?);

-- asked_since --
-- Of the next rows: those that an exporter is to get once more. What it has not had yet comes anyway.
SELECT seq, at_us, at_us >= ?3 AND at_us < ?4
    AND (?5 OR instr(',' || route || ',', ',' || ?6 || ','))
    AND NOT (seq > ?7 AND instr(',' || route || ',', ',' || ?6 || ','))
FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2;

-- relay_of --
SELECT cursor, owner, leased_until_us, disabled FROM relay WHERE exporter = ?;

-- enable --
UPDATE relay SET disabled = NULL, failures = 0, retry_at_us = NULL
WHERE exporter = ? AND disabled IS NOT NULL;

-- forget_relay --
DELETE FROM relay WHERE exporter = ?;

-- forget_asked_of --
DELETE FROM replay WHERE exporter = ?;

-- forget_letters_of --
DELETE FROM dead_letter WHERE exporter = ?;

-- forget_dropped --
DELETE FROM dropped WHERE exporter = ?;

-- used_bytes --
SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count),
       (SELECT page_size FROM pragma_page_size);

-- docs_of_events --
SELECT seq, name, job, detail FROM event WHERE seq IN (SELECT value FROM json_each(?));

-- rewrite_event --
UPDATE event SET job = ?, detail = ? WHERE seq = ?;

-- rewrite_job --
UPDATE job SET doc = ?, prompt_hash = NULL, version = version + 1 WHERE seq = ? AND version = ?;

-- blank_letters --
UPDATE dead_letter SET error = '' WHERE error <> '' AND seq IN (SELECT value FROM json_each(?));

-- forget_spender --
UPDATE spend SET user = NULL WHERE job_seq = ?;

-- unfinished --
-- Jobs of which nobody knows yet how they end.
SELECT seq, version, doc FROM job
WHERE seq >= ? AND state IN ('submitting', 'unknown', 'queued', 'in_progress') ORDER BY seq;

-- to_watch --
-- The next rows; the document only of jobs that may hang, and of those whose video nobody has read,
-- as bytes: in a damaged file it need not be text any more.
SELECT seq, version, state, events,
    iif(
        state IN ('queued', 'in_progress')
        OR (state = 'completed' AND instr(doc, '"asset":"available"')),
        CAST(doc AS BLOB), NULL
    )
FROM job WHERE seq > ? ORDER BY seq LIMIT ?;

-- last_change --
SELECT max(at_us) FROM event WHERE seq IN (SELECT value FROM json_each(?));

-- past_jobs --
-- Jobs of a model that completed, the newest first, among the last so many of all.
SELECT CAST(doc AS BLOB) FROM (
    SELECT provider, model, state, doc FROM job ORDER BY seq DESC LIMIT ?3
)
WHERE state = 'completed' AND provider = ?1 AND model IS ?2 LIMIT ?4;

-- servers --
SELECT DISTINCT provider, json_extract(doc, '$.dialect'), json_extract(doc, '$.server_address'),
    json_extract(doc, '$.server_port')
FROM job WHERE seq >= ?;

-- known_ids --
-- Jobs with some of the ids that a server has listed, whatever provider they are filed under.
WITH RECURSIVE known (provider) AS (
    SELECT min(provider) FROM job WHERE provider_job_id IS NOT NULL
    UNION ALL
    SELECT (
        SELECT min(job.provider) FROM job
        WHERE job.provider_job_id IS NOT NULL AND job.provider > known.provider
    )
    FROM known WHERE known.provider IS NOT NULL
)
SELECT job.doc FROM known
JOIN job ON job.provider = known.provider
    AND job.provider_job_id IN (SELECT value FROM json_each(?));

-- asked_twice --
-- Jobs for one and the same request of which a provider has accepted more than one.
WITH hashed AS MATERIALIZED (
    SELECT seq, provider, json_extract(doc, '$.request_hash') AS hash
    FROM job WHERE seq >= ? AND provider_job_id IS NOT NULL
)
SELECT doc FROM job WHERE seq IN (
    SELECT seq FROM hashed WHERE (provider, hash) IN (
        SELECT provider, hash FROM hashed WHERE hash IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1
    )
) ORDER BY seq;

-- same_prompt --
-- Jobs of some time that were made from a prompt.
SELECT doc FROM job WHERE seq BETWEEN ? AND ? AND prompt_hash = ? ORDER BY seq LIMIT 50;

-- drop_note --
DELETE FROM meta WHERE key = ?;

-- first_note --
INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?);

-- old_notes --
-- Of the notes with names between two: all that are older, and all but the newest so many.
DELETE FROM meta WHERE key > ?1 AND key < ?2 AND (
    value < ?3
    OR value < (SELECT value FROM meta WHERE key > ?1 AND key < ?2
                ORDER BY value DESC LIMIT 1 OFFSET ?4)
);

-- old_claims --
DELETE FROM meta
WHERE key > ?1 AND key < ?2 AND coalesce(json_extract(value, '$.until_us'), 0) < ?3;

-- note --
SELECT value FROM meta WHERE key = ?;

-- keep_note --
INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2;

-- claim --
-- One process an hour; a time in the future is that of a clock that was put back.
INSERT INTO meta (key, value) VALUES (?1, ?2)
ON CONFLICT (key) DO UPDATE SET value = ?2 WHERE value <= ?3 OR value > ?2;

-- count_quiet --
INSERT INTO meta (key, value) VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET value = value + 1;

-- keep_quiet --
-- The n-th change, in the place of the one that is so many older.
INSERT INTO meta (key, value)
SELECT ?1 || ':' || ((value - 1) % ?2), ?3 FROM meta WHERE key = ?1
ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- quiet_places --
SELECT value FROM meta WHERE key IN (SELECT value FROM json_each(?));

-- routes_of --
-- The events of a job, with whom they are for; what leads to a damaged one need not be text.
SELECT event.seq, CAST(event.id AS BLOB), CAST(event.route AS BLOB) FROM event
WHERE event.seq IN (
    SELECT number.value FROM job JOIN json_each('[0' || job.events || ']') AS number
    WHERE job.seq = ?
)
ORDER BY event.seq;

-- relays --
SELECT exporter, cursor, EXISTS (SELECT 1 FROM dropped WHERE dropped.exporter = relay.exporter)
FROM relay ORDER BY exporter;

-- letters_at --
SELECT exporter, seq, at_us, error FROM dead_letter
WHERE seq IN (SELECT value FROM json_each(?));

-- asked_at --
SELECT exporter, seq, asked_us FROM replay WHERE seq IN (SELECT value FROM json_each(?));
