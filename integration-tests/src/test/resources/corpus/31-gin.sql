-- GIN indexes. Images of other pages are left out: other scripts have them.
SET wal_consistency_checking = 'gin';

-- Entry trees: splits of leaves and inner pages, as keys are wide; posting lists that grow.
CREATE TABLE gin_entry (id int, tags text[]) WITH (autovacuum_enabled = off);

CREATE INDEX gin_entry_tags ON gin_entry USING gin (tags) WITH (fastupdate = off);

INSERT INTO gin_entry
SELECT i, ARRAY[wide, 'all', 'mod ' || i % 7, NULL]
FROM generate_series(1, 160) i,
  LATERAL (SELECT string_agg(md5((i * 50 + j)::text), '') wide FROM generate_series(1, 30) j) w;

INSERT INTO gin_entry VALUES (1000, NULL), (1001, '{}'), (1002, ARRAY[NULL, 'all']);

-- Vacuum takes positions from posting lists of the entry tree.
DELETE FROM gin_entry WHERE id % 3 = 0;

VACUUM gin_entry;

INSERT INTO gin_entry SELECT i, ARRAY['all', 'new ' || i] FROM generate_series(2000, 2100) i;

-- Posting trees, first of a built index with several leaves each.
CREATE TABLE gin_tree (id int, tags int[]) WITH (autovacuum_enabled = off);

INSERT INTO gin_tree SELECT i, ARRAY[1, i % 3 + 10, i % 500 + 1000] FROM generate_series(1, 60000) i;

CREATE INDEX gin_tree_tags ON gin_tree USING gin (tags) WITH (fastupdate = off);

-- Lists that become trees, row by row.
INSERT INTO gin_tree SELECT i, ARRAY[2, i % 2 + 20] FROM generate_series(60001, 63500) i;

-- Positions go from the leaves, whole segments of them, and then whole leaves.
DELETE FROM gin_tree WHERE id % 41 = 0;

VACUUM gin_tree;

DELETE FROM gin_tree WHERE id BETWEEN 30000 AND 30700 OR id % 59 = 0;

VACUUM gin_tree;

-- New positions between others: the rows' places are used again.
INSERT INTO gin_tree SELECT i, ARRAY[1, 10, 1000] FROM generate_series(100000, 102200) i;

DELETE FROM gin_tree WHERE id BETWEEN 8000 AND 50000;

VACUUM gin_tree;

INSERT INTO gin_tree SELECT i, ARRAY[1, 11] FROM generate_series(110000, 110300) i;

SELECT txid_current();

VACUUM gin_tree;

-- The pending list: rows on its last page, new pages, rows of many pages, and its clean-up.
CREATE TABLE gin_pending (id int, tags int[], words tsvector, data jsonb)
WITH (autovacuum_enabled = off);

CREATE INDEX gin_pending_all ON gin_pending USING gin (tags, words, data)
WITH (fastupdate = on, gin_pending_list_limit = 64);

INSERT INTO gin_pending
SELECT i, ARRAY[i, i % 5], to_tsvector('simple', 'word' || i || ' and more of them'),
  jsonb_build_object('id', i, 'name', 'n' || i % 4, 'list', jsonb_build_array(i, true, NULL))
FROM generate_series(1, 250) i;

SELECT gin_clean_pending_list('gin_pending_all');

INSERT INTO gin_pending (id, tags) SELECT 1000, array_agg(i) FROM generate_series(1, 900) i;

INSERT INTO gin_pending (id, tags) SELECT 1001, array_agg(i) FROM generate_series(1, 600) i;

INSERT INTO gin_pending (id, tags) VALUES (1002, '{1, 2}');

DELETE FROM gin_pending WHERE id % 2 = 0;

VACUUM gin_pending;

INSERT INTO gin_pending (id, tags) VALUES (1003, '{3}');

VACUUM gin_pending;

-- Many rows of one key from the pending list at once.
CREATE TABLE gin_bulk (id int, tags int[]) WITH (autovacuum_enabled = off);

CREATE INDEX gin_bulk_tags ON gin_bulk USING gin (tags) WITH (gin_pending_list_limit = 20480);

INSERT INTO gin_bulk SELECT i, ARRAY[i % 2, 7] FROM generate_series(1, 3000) i;

VACUUM gin_bulk;

INSERT INTO gin_bulk SELECT i, ARRAY[i % 2, 7] FROM generate_series(3001, 6000) i;

SELECT gin_clean_pending_list('gin_bulk_tags');

DELETE FROM gin_bulk WHERE id % 2 = 1;

VACUUM gin_bulk;

-- Built from a table that has rows, with another operator class, unlogged, and built anew.
CREATE INDEX gin_pending_path ON gin_pending USING gin (data jsonb_path_ops);

INSERT INTO gin_pending (id, data) VALUES (2000, '{"a": {"b": [1, 2]}}');

CREATE UNLOGGED TABLE gin_unlogged (tags int[]);

CREATE INDEX gin_unlogged_tags ON gin_unlogged USING gin (tags);

INSERT INTO gin_unlogged VALUES ('{1, 2}');

REINDEX INDEX gin_entry_tags;

-- Full-page images after a checkpoint.
CHECKPOINT;

INSERT INTO gin_entry SELECT i, ARRAY['all', 'checked ' || i] FROM generate_series(3000, 3040) i;

INSERT INTO gin_tree VALUES (200000, '{1}'), (200001, '{1, 2}');

CHECKPOINT;

DELETE FROM gin_tree WHERE id > 110000;

VACUUM gin_tree;
