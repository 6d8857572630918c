-- BRIN. Images of other pages are left out: other scripts have them.
SET wal_consistency_checking = 'brin';

-- Summaries of numbers that stay in place, of texts that grow and move, of new ranges.
CREATE TABLE brin_plain (id int, k text, filler text) WITH (fillfactor = 40);

CREATE INDEX brin_plain_id ON brin_plain USING brin (id) WITH (pages_per_range = 1);

CREATE INDEX brin_plain_k ON brin_plain USING brin (k) WITH (pages_per_range = 2);

INSERT INTO brin_plain SELECT i, 'key ' || i, repeat('x', 400) FROM generate_series(1, 300) i;

SELECT brin_summarize_new_values('brin_plain_id');

SELECT brin_summarize_new_values('brin_plain_k');

UPDATE brin_plain SET id = -id WHERE id % 40 = 0;

UPDATE brin_plain SET k = repeat(chr(97 + id % 26), 20 + id % 300) WHERE id > 0 AND id % 5 = 0;

UPDATE brin_plain SET k = repeat(chr(33 + id % 26), 700 + id) WHERE id > 0 AND id % 7 = 0;

UPDATE brin_plain SET k = repeat(chr(100 + id % 20), 1900) WHERE id > 0 AND id % 11 = 0;

SELECT brin_desummarize_range('brin_plain_id', n) FROM generate_series(0, 20, 3) n;

SELECT brin_desummarize_range('brin_plain_k', n) FROM generate_series(0, 40, 4) n;

SELECT brin_summarize_range('brin_plain_id', 3);

SELECT brin_summarize_range('brin_plain_k', 8);

INSERT INTO brin_plain SELECT i, 'new ' || i, repeat('y', 300) FROM generate_series(1001, 1100) i;

DELETE FROM brin_plain WHERE id BETWEEN 50 AND 120;

VACUUM brin_plain;

SELECT brin_summarize_new_values('brin_plain_k');

-- The last summary on a page goes, and others in its middle.
SELECT brin_desummarize_range('brin_plain_k', n) FROM generate_series(120, 0, -2) n;

SELECT brin_summarize_new_values('brin_plain_k');

-- More ranges than a page of the range map holds: the next one takes the place of a page of
-- summaries, which move away.
CREATE TABLE brin_long (id int, filler text);

ALTER TABLE brin_long ALTER filler SET STORAGE PLAIN;

CREATE INDEX brin_long_id ON brin_long USING brin (id) WITH (pages_per_range = 1);

INSERT INTO brin_long SELECT i, repeat('z', 4200) FROM generate_series(1, 700) i;

SELECT brin_summarize_new_values('brin_long_id');

INSERT INTO brin_long SELECT i, repeat('z', 4200) FROM generate_series(701, 1370) i;

SELECT brin_summarize_new_values('brin_long_id');

UPDATE brin_long SET id = 100000 WHERE id = 1365;

-- Each kind of summary: minimum and maximum, several of them, inclusion, Bloom filters.
CREATE TABLE brin_kinds (id int, b box, n inet, r int4range, t timestamptz, u uuid);

CREATE INDEX brin_kinds_inclusion ON brin_kinds USING brin (b, n inet_inclusion_ops, r) WITH (pages_per_range = 1);

CREATE INDEX brin_kinds_minmax ON brin_kinds USING brin (id, n inet_minmax_ops, t, u) WITH (pages_per_range = 2);

CREATE INDEX brin_kinds_multi ON brin_kinds USING brin (id int4_minmax_multi_ops, t timestamptz_minmax_multi_ops (values_per_range = 16)) WITH (pages_per_range = 1);

CREATE INDEX brin_kinds_bloom ON brin_kinds USING brin (id int4_bloom_ops (n_distinct_per_range = 200), u uuid_bloom_ops) WITH (pages_per_range = 1);

INSERT INTO brin_kinds
  SELECT i, box(point(i, i), point(i + 5, i % 30)), ('10.0.' || i % 250 || '.1')::inet, int4range(i, i + 10),
    timestamptz '2020-01-01 00:00+00' + i * interval '1 hour', md5(i::text)::uuid
  FROM generate_series(1, 400) i;

SELECT brin_summarize_new_values('brin_kinds_inclusion') + brin_summarize_new_values('brin_kinds_minmax')
  + brin_summarize_new_values('brin_kinds_multi') + brin_summarize_new_values('brin_kinds_bloom');

DELETE FROM brin_kinds WHERE id % 3 = 0;

VACUUM brin_kinds;

INSERT INTO brin_kinds
  SELECT i, box(point(i, -i), point(i + 5, i % 30)), '::1', int4range(i, NULL),
    timestamptz '2010-01-01 00:00+00' + i * interval '1 day', md5(i::text)::uuid
  FROM generate_series(1001, 1200) i;

INSERT INTO brin_kinds SELECT i, NULL, NULL, NULL, NULL, NULL FROM generate_series(2001, 2100) i;

-- Values that no box can be said to include with others make a summary of its own kind.
INSERT INTO brin_kinds SELECT i, NULL, '192.168.0.1', 'empty', NULL, NULL FROM generate_series(3001, 3050) i;

-- Built from what is there, concurrently too, and summarized by vacuum.
CREATE INDEX brin_long_built ON brin_long USING brin (id) WITH (pages_per_range = 4);

CREATE INDEX CONCURRENTLY brin_kinds_later ON brin_kinds USING brin (t);

CREATE INDEX brin_auto ON brin_plain USING brin (id) WITH (pages_per_range = 1, autosummarize = on);

INSERT INTO brin_plain SELECT i, 'auto ' || i, repeat('w', 400) FROM generate_series(3001, 3100) i;

VACUUM brin_plain;

REINDEX INDEX brin_plain_k;

TRUNCATE brin_kinds;

INSERT INTO brin_kinds (id) SELECT i FROM generate_series(1, 50) i;
