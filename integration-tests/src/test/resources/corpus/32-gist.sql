-- GiST. Images of other pages are left out: other scripts have them.
SET wal_consistency_checking = 'gist';

-- Points: small keys, two levels; updates of pages and of keys above, splits, a new root.
CREATE TABLE gist_point (id int PRIMARY KEY, p point);

CREATE INDEX gist_point_p ON gist_point USING gist (p) WITH (fillfactor = 60);

INSERT INTO gist_point SELECT i, point(i * 7919 % 10007, i * 6271 % 10009) FROM generate_series(1, 800) i;

-- Dead items that a scan found are removed when there is no room for a new one.
DELETE FROM gist_point WHERE id % 3 <> 0;

SET enable_seqscan = off;

SET enable_bitmapscan = off;

SELECT count(*) FROM gist_point WHERE p <@ box '(-1,-1),(20000,20000)';

RESET enable_seqscan;

RESET enable_bitmapscan;

INSERT INTO gist_point SELECT i, point(i * 7919 % 10007, i * 6271 % 10009) FROM generate_series(2001, 2800) i;

DELETE FROM gist_point WHERE id % 10 = 3;

VACUUM gist_point;

-- Whole pages become empty, are deleted, and used again once no transaction can see them.
DELETE FROM gist_point WHERE p <@ box '(0,0),(10010,5000)';

VACUUM gist_point;

SELECT txid_current();

SELECT txid_current();

VACUUM gist_point;

INSERT INTO gist_point SELECT i, point(i * 7919 % 10007, i * 6271 % 10009) FROM generate_series(5001, 5800) i;

-- Large signatures: few items to a page and many levels, so that a split makes a page above split,
-- up to the root.
CREATE TABLE gist_words (id int, v tsvector);

CREATE INDEX gist_words_v ON gist_words USING gist (v tsvector_ops (siglen = 1800));

INSERT INTO gist_words
  SELECT i, (SELECT to_tsvector('simple', string_agg(md5((i * 131 + k)::text), ' ')) FROM generate_series(1, 140 + i % 30) k)
  FROM generate_series(1, 70) i;

DELETE FROM gist_words WHERE id % 4 <> 0;

VACUUM gist_words;

SELECT txid_current();

VACUUM gist_words;

INSERT INTO gist_words
  SELECT i, (SELECT to_tsvector('simple', string_agg(md5((i * 137 + k)::text), ' ')) FROM generate_series(1, 150) k)
  FROM generate_series(301, 330) i;

-- Keys of very different length.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE gist_text (k text);

ALTER TABLE gist_text ALTER k SET STORAGE PLAIN;

CREATE INDEX gist_text_k ON gist_text USING gist (k);

INSERT INTO gist_text SELECT 'a' || i FROM generate_series(1, 45) i;

INSERT INTO gist_text SELECT 'm' || i || repeat('x', i * 97 % 1900) FROM generate_series(1, 60) i;

INSERT INTO gist_text
  SELECT chr(97 + letter) || CASE WHEN i <= 35 + 5 * letter THEN i::text ELSE 'z' || i || repeat('y', 1850) END
  FROM generate_series(1, 9) letter, LATERAL generate_series(1, 43 + 5 * letter) i
  ORDER BY letter, i;

DELETE FROM gist_text WHERE k < 'm5';

VACUUM gist_text;

-- Ranges with a constraint, included and several columns, null values, an aborted transaction.
CREATE TABLE gist_range (id int, r int4range, note text, EXCLUDE USING gist (r WITH &&));

CREATE INDEX gist_range_many ON gist_range USING gist (r, id) INCLUDE (note);

INSERT INTO gist_range SELECT i, int4range(i * 10, i * 10 + 7), 'note ' || i FROM generate_series(1, 400) i;

INSERT INTO gist_range SELECT i, NULL, NULL FROM generate_series(1, 60) i;

BEGIN;

INSERT INTO gist_range SELECT i, int4range(i * 10, i * 10 + 7), 'lost' FROM generate_series(500, 800) i;

ROLLBACK;

UPDATE gist_range SET r = int4range(lower(r), upper(r) + 1) WHERE id % 7 = 0 AND r IS NOT NULL;

VACUUM gist_range;

-- Built from what is there: sorted, with buffers, without, concurrently; then changed.
CREATE INDEX gist_point_sorted ON gist_point USING gist (p);

CREATE INDEX gist_point_buffers ON gist_point USING gist (p) WITH (buffering = on);

CREATE INDEX CONCURRENTLY gist_range_later ON gist_range USING gist (r) WITH (buffering = off);

INSERT INTO gist_point SELECT i, point(i, i) FROM generate_series(9001, 9100) i;

REINDEX INDEX gist_range_many;

INSERT INTO gist_range SELECT i, int4range(i * 10, i * 10 + 7), 'again ' || i FROM generate_series(1000, 1100) i;
