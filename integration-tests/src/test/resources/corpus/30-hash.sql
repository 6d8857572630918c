-- Hash indexes. Images of other pages are left out: other scripts have them. All in one session:
-- Postgres takes images of a bucket's first page without a lock on it, only to check redo.
SET wal_consistency_checking = 'hash';

-- Buckets that split, each with what stays in it and what moves, with overflow pages and without.
-- Only of a table that vacuum has found empty is it thought that it stays small: two buckets.
CREATE TABLE hash_split (id int, k int) WITH (autovacuum_enabled = off);

VACUUM hash_split;

CREATE INDEX hash_split_k ON hash_split USING hash (k) WITH (fillfactor = 20);

INSERT INTO hash_split SELECT i, i % 2 FROM generate_series(1, 1100) i;

INSERT INTO hash_split SELECT i, i * 7 FROM generate_series(1, 1400) i;

-- A chain of overflow pages: one key, in the order of the rows.
CREATE TABLE hash_chain (id int, k int) WITH (autovacuum_enabled = off);

CREATE INDEX hash_chain_k ON hash_chain USING hash (k);

INSERT INTO hash_chain SELECT i, 1 FROM generate_series(1, 1300) i;

-- The last page of the chain is empty: it is freed, and the first page is only locked.
DELETE FROM hash_chain WHERE id > 1221;

VACUUM hash_chain;

-- The new last page is empty, and so is the one before it.
DELETE FROM hash_chain WHERE id > 407;

VACUUM hash_chain;

-- Freed pages are found in the bitmap, and used again.
INSERT INTO hash_chain SELECT i, 1 FROM generate_series(408, 2200) i;

-- Few left on each page: the last one's tuples go to the first, past the pages between.
DELETE FROM hash_chain WHERE id % 10 <> 0;

VACUUM hash_chain;

INSERT INTO hash_chain SELECT i, 1 FROM generate_series(3000, 4700) i;

-- The first page stays full and the next one gets the tuples; some of these fit, others do not.
DELETE FROM hash_chain WHERE id BETWEEN 3300 AND 3500 OR id > 4600;

VACUUM hash_chain;

DELETE FROM hash_chain WHERE id BETWEEN 3500 AND 3900;

VACUUM hash_chain;

DELETE FROM hash_chain WHERE id % 3 = 0;

VACUUM hash_chain;

-- Several keys a bucket, so that tuples are added and deleted between others.
CREATE TABLE hash_mixed (id int, k text) WITH (autovacuum_enabled = off);

CREATE INDEX hash_mixed_k ON hash_mixed USING hash (k);

INSERT INTO hash_mixed SELECT i, 'key ' || i % 23 FROM generate_series(1, 2500) i;

DELETE FROM hash_mixed WHERE id % 97 IN (3, 50);

VACUUM hash_mixed;

DELETE FROM hash_mixed WHERE id % 2 = 0 OR id BETWEEN 700 AND 1400;

VACUUM hash_mixed;

INSERT INTO hash_mixed SELECT i, 'key ' || i % 31 FROM generate_series(3000, 4000) i;

DELETE FROM hash_mixed WHERE id < 3900;

VACUUM hash_mixed;

-- Dead tuples that a scan has marked make room on a full page, on an overflow page too.
CREATE TABLE hash_dead (id int, k int) WITH (autovacuum_enabled = off);

CREATE INDEX hash_dead_k ON hash_dead USING hash (k);

INSERT INTO hash_dead SELECT i, 5 FROM generate_series(1, 814) i;

DELETE FROM hash_dead WHERE id % 4 = 0;

SET enable_seqscan = off;

SET enable_bitmapscan = off;

SELECT count(id) FROM hash_dead WHERE k = 5;

INSERT INTO hash_dead SELECT i, 5 FROM generate_series(1000, 1010) i;

INSERT INTO hash_dead SELECT i, 5 FROM generate_series(1011, 1250) i;

-- Dead tuples that a scan has marked, and vacuum removes.
DELETE FROM hash_dead WHERE id > 1100 OR id < 50;

SELECT count(id) FROM hash_dead WHERE k = 5;

VACUUM hash_dead;

RESET enable_seqscan;

RESET enable_bitmapscan;

-- Other sizes to begin with: the planner's idea of the table decides. This one has so many buckets
-- that they come in phases.
CREATE TABLE hash_large (k int) WITH (autovacuum_enabled = off);

INSERT INTO hash_large SELECT generate_series(1, 10);

UPDATE pg_class SET relpages = 1, reltuples = 50000 WHERE relname = 'hash_large';

CREATE INDEX hash_large_k ON hash_large USING hash (k) WITH (fillfactor = 10);

UPDATE pg_class SET relpages = 1, reltuples = 3000 WHERE relname = 'hash_large';

CREATE INDEX hash_large_k2 ON hash_large USING hash (k);

INSERT INTO hash_large SELECT generate_series(11, 40);

-- Built from a table that has rows, unlogged, and built anew.
CREATE INDEX hash_mixed_id ON hash_mixed USING hash (id);

CREATE UNLOGGED TABLE hash_unlogged (k int);

CREATE INDEX hash_unlogged_k ON hash_unlogged USING hash (k);

INSERT INTO hash_unlogged SELECT generate_series(1, 20);

REINDEX INDEX hash_split_k;

-- Full-page images after a checkpoint, in the middle of a split.
CHECKPOINT;

INSERT INTO hash_split SELECT i, i * 11 FROM generate_series(2000, 2400) i;

DELETE FROM hash_split WHERE id % 2 = 0;

CHECKPOINT;

VACUUM hash_split;
